/** Parses the deployment's variables and secrets, once per isolate. README.md lists all of them. */
import * as z from "zod/mini";
import { DEFAULT_DELAY_MS, MAX_DELAY_MS } from "./analytics/batch.ts";
import { ADDRESS_DETAILS, type AddressDetail } from "./analytics/shown-subject.ts";
import { type EngineSettings, engineVariables, readEngine } from "./analytics/reports/report-settings.ts";
import { type AdminSettings, adminVariables, readAdmin } from "./identity/admin/admin-settings.ts";
import type { JwtSettings } from "./identity/jwt.ts";
import { HMAC_ALGORITHMS, type JwtAlgorithm, PUBLIC_ALGORITHMS } from "./identity/issuer-settings.ts";
import { isAllowedType } from "./identity/token-type.ts";
import { DEFAULT_DEADLINE_MS } from "./limiter/limiter.ts";
import type { LogLevel } from "./log.ts";
import { type Home, HOMES } from "./objects/home.ts";
import { type Jurisdiction, JURISDICTIONS } from "./objects/jurisdiction.ts";
import { type Fault, parseBy, type Parsed } from "./policy/fault.ts";
import { upstreamSchema } from "./policy/upstream-schema.ts";

export interface Settings {
  /** Upstream of routes that name none; null if none is configured. */
  readonly upstream: string | null;
  readonly logLevel: LogLevel;
  readonly limiterTimeoutMs: number;
  /** Whether responses have Server-Timing if the policy does not say. */
  readonly serverTiming: boolean;
  /** Where the control plane creates users' objects if the account names no home; null: near the operator. */
  readonly accountHome: Home | null;
  /** Where all objects run and store data; null: anywhere. */
  readonly jurisdiction: Jurisdiction | null;
  /** Null: bearer tokens other than API keys are rejected. */
  readonly jwt: JwtSettings | null;
  /** Administrators of the admin API. If none are configured, it responds 503. */
  readonly admin: AdminSettings;
  /** Where points are written to: the hub's embedded store, Analytics Engine, or both. */
  readonly analytics: "embedded" | "engine" | "both";
  /** How long points wait in an isolate for others, to be sent together. */
  readonly analyticsDelayMs: number;
  /** How much of clients' addresses points and the log show. */
  readonly addressDetail: AddressDetail;
  /** Null: reports do not come from Analytics Engine. */
  readonly engine: EngineSettings | null;
}

/** An empty variable counts as unset. */
const text = z.optional(z.string());
const MIN_HMAC_SECRET_LENGTH = 32;

const schema = z.object({
  UPSTREAM: z.optional(z.union([z.literal(""), upstreamSchema])),
  LOG_LEVEL: z.optional(z.enum(["debug", "info", "warn", "error", ""])),
  LIMITER_TIMEOUT_MS: z.optional(z.string().check(z.regex(/^([1-9]\d{0,4})?$/, "must be 1 to 99999"))),
  SERVER_TIMING: z.optional(z.enum(["on", "off", ""])),
  ACCOUNT_HOME: z.optional(z.enum([...HOMES, ""])),
  JURISDICTION: z.optional(z.enum([...JURISDICTIONS, ""])),
  ...adminVariables,
  ANALYTICS: z.optional(z.enum(["embedded", "engine", "both", ""])),
  ANALYTICS_DELAY_MS: z.optional(
    z.string().check(z.regex(/^(1?\d{1,4}|20000)?$/, `must be 0 to ${MAX_DELAY_MS}`)),
  ),
  ANALYTICS_IP: z.optional(z.enum([...ADDRESS_DETAILS, ""])),
  ...engineVariables,
  JWT_ALGORITHM: z.optional(z.enum([...HMAC_ALGORITHMS, ...PUBLIC_ALGORITHMS, ""])),
  JWT_SECRET: text,
  JWT_JWKS_URL: text,
  JWT_ISSUER: text,
  JWT_AUDIENCE: text,
  JWT_TYP: z.optional(
    z
      .string()
      .check(
        z.regex(/^([\w.+-]+\/)?[\w.+-]*$/, "must be a token's type, such as at+jwt"),
        z.refine(isAllowedType, "must not be logout+jwt or dpop+jwt: those are not tokens of users"),
      ),
  ),
  JWT_TIER_CLAIM: text,
});
type Variables = z.infer<typeof schema>;

/** Parses the environment. Faults name the variable, never its value. */
export function readSettings(env: unknown): Parsed<Settings> {
  const parsed = parseBy(schema, env);
  if (!parsed.ok) return parsed;
  const variables = parsed.value;
  const faults: Fault[] = [];
  const jwt = readJwt(variables, faults);
  const admin = readAdmin(variables, faults);
  const engine = readEngine(variables, faults);
  if (faults.length > 0) return { ok: false, faults };
  return {
    ok: true,
    value: {
      upstream: variables.UPSTREAM || null,
      logLevel: variables.LOG_LEVEL || "info",
      limiterTimeoutMs: Number(variables.LIMITER_TIMEOUT_MS || DEFAULT_DEADLINE_MS),
      serverTiming: variables.SERVER_TIMING === "on",
      accountHome: variables.ACCOUNT_HOME || null,
      jurisdiction: variables.JURISDICTION || null,
      jwt,
      admin,
      analytics: variables.ANALYTICS || "embedded",
      analyticsDelayMs: Number(variables.ANALYTICS_DELAY_MS || DEFAULT_DELAY_MS),
      addressDetail: variables.ANALYTICS_IP || "prefix",
      engine,
    },
  };
}

/** JWT is on if JWT_ALGORITHM is set; issuer, audience and key are then required. */
function readJwt(variables: Variables, faults: Fault[]): JwtSettings | null {
  const algorithm = variables.JWT_ALGORITHM;
  if (!algorithm) {
    for (const name of ["JWT_SECRET", "JWT_JWKS_URL"] as const) {
      if (variables[name]) faults.push({ path: `/${name}`, message: "is set, but JWT_ALGORITHM is not" });
    }
    return null;
  }
  const required = (name: "JWT_ISSUER" | "JWT_AUDIENCE"): string => {
    const value = variables[name];
    if (!value) faults.push({ path: `/${name}`, message: "is required if JWT_ALGORITHM is set" });
    return value ?? "";
  };
  return {
    algorithm,
    key: readJwtKey(algorithm, variables, faults),
    issuer: required("JWT_ISSUER"),
    audience: required("JWT_AUDIENCE"),
    typ: variables.JWT_TYP || null,
    tierClaim: variables.JWT_TIER_CLAIM || null,
  };
}

function readJwtKey(algorithm: JwtAlgorithm, variables: Variables, faults: Fault[]): JwtSettings["key"] {
  if (HMAC_ALGORITHMS.some((hmac) => hmac === algorithm)) {
    const secret = variables.JWT_SECRET ?? "";
    if (secret.length < MIN_HMAC_SECRET_LENGTH) {
      faults.push({
        path: "/JWT_SECRET",
        message: `must have at least ${MIN_HMAC_SECRET_LENGTH} characters`,
      });
    }
    return { kind: "secret", secret };
  }
  const url = URL.parse(variables.JWT_JWKS_URL ?? "");
  if (url?.protocol === "https:" || url?.hostname === "localhost" || url?.hostname === "127.0.0.1") {
    return { kind: "jwks", url };
  }
  faults.push({ path: "/JWT_JWKS_URL", message: "must be an https URL" });
  return { kind: "secret", secret: "" };
}

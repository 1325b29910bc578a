/**
 * Parses the variables that authorize administrators. There is no default token: without these variables the admin API is closed.
 *
 * Faults name the variable and the place in it, never a value, since the values are secrets.
 */
import * as z from "zod/mini";
import { parseJson } from "../../json.ts";
import { type Fault, parseBy } from "../../policy/fault.ts";
import type { CloudflareAccessSettings } from "./cloudflare-access.ts";
import { actorNameSchema, type Role, ROLES } from "./role.ts";

/** The name of ADMIN_TOKEN's holder in the audit trail. Reserved: no entry of ADMIN_TOKENS may have it. */
export const ADMIN_TOKEN_NAME = "admin-token";

/** A token as it is configured: its digest, not the token. */
export interface AdminToken {
  readonly name: string;
  readonly role: Role;
  /** Lower-case hex. */
  readonly sha256: string;
}

export interface AdminSettings {
  /** ADMIN_TOKEN: the role `admin`. */
  readonly token: string | null;
  readonly tokens: readonly AdminToken[];
  /** Null: the header `Cf-Access-Jwt-Assertion` is ignored. */
  readonly access: CloudflareAccessSettings | null;
}

/** Each attempt is compared with all of them. */
const MAX_TOKENS = 50;

/** An empty variable counts as unset. */
const text = z.optional(z.string());

export const adminVariables = {
  /** Shorter tokens can be guessed, and other characters cannot be sent in a header. `openssl rand -hex 32` makes a good one. */
  ADMIN_TOKEN: z.optional(
    z
      .string()
      .check(
        z.regex(/^([\x21-\x7e]{16,})?$/, "must be 16 or more printable ASCII characters without spaces"),
      ),
  ),
  /**
   * Further tokens, as JSON: `[{"name": "alice", "role": "operator", "sha256": "<hex>"}]`. For each holder,
   * `token=$(openssl rand -hex 32)` makes the token and
   * `printf %s "$token" | openssl dgst -sha256 -r | cut -c1-64` its digest for this list.
   */
  ADMIN_TOKENS: text,
  ACCESS_TEAM_DOMAIN: z.optional(
    z
      .string()
      .check(
        z.regex(/^(https:\/\/[a-z0-9-]+(\.[a-z0-9-]+)+)?$/, "must be https://<team>.cloudflareaccess.com"),
      ),
  ),
  ACCESS_AUD: z.optional(
    z.string().check(z.regex(/^[\x21-\x7e]{0,200}$/, "must be the application's audience tag")),
  ),
  ACCESS_ROLE: z.optional(z.enum([...ROLES, ""])),
};
const variablesSchema = z.object(adminVariables);

const tokensSchema = z
  .array(
    z.strictObject({
      name: actorNameSchema,
      role: z.enum(ROLES),
      sha256: z
        .string()
        .check(z.regex(/^[0-9a-f]{64}$/, "must be the token's SHA-256: 64 characters of 0-9 and a-f")),
    }),
  )
  .check(z.maxLength(MAX_TOKENS));

/** Reads variables that {@link adminVariables} accepted. Appends the faults within and between them to `faults`. */
export function readAdmin(variables: z.infer<typeof variablesSchema>, faults: Fault[]): AdminSettings {
  return {
    token: variables.ADMIN_TOKEN || null,
    tokens: readTokens(variables.ADMIN_TOKENS, faults),
    access: readAccess(variables, faults),
  };
}

function readTokens(json: string | undefined, faults: Fault[]): AdminToken[] {
  if (!json) return [];
  const value = parseJson(json);
  if (value === undefined) {
    faults.push({ path: "/ADMIN_TOKENS", message: "is not JSON" });
    return [];
  }
  const parsed = parseBy(tokensSchema, value);
  if (!parsed.ok) {
    for (const { path, message } of parsed.faults) {
      // An unknown field is not named: it could be a token in the wrong place.
      const [known = ""] = /^(\/\d+(\/(name|role|sha256)(?=$))?)?/.exec(path) ?? [];
      faults.push({
        path: `/ADMIN_TOKENS${known}`,
        message: known === path ? message : "has an unknown field",
      });
    }
    return [];
  }
  const names = new Set([ADMIN_TOKEN_NAME]);
  const digests = new Set<string>();
  parsed.value.forEach(({ name, sha256 }, i) => {
    if (names.has(name)) faults.push({ path: `/ADMIN_TOKENS/${i}/name`, message: "is already in use" });
    if (digests.has(sha256))
      faults.push({ path: `/ADMIN_TOKENS/${i}/sha256`, message: "is already in the list" });
    names.add(name);
    digests.add(sha256);
  });
  return parsed.value;
}

/** Cloudflare Access is on if its team domain is set; the audience is then required. */
function readAccess(
  {
    ACCESS_TEAM_DOMAIN: teamDomain,
    ACCESS_AUD: audience,
    ACCESS_ROLE: role,
  }: z.infer<typeof variablesSchema>,
  faults: Fault[],
): CloudflareAccessSettings | null {
  if (teamDomain && audience) return { teamDomain, audience, role: role || "viewer" };
  if (teamDomain) {
    faults.push({ path: "/ACCESS_AUD", message: "is required if ACCESS_TEAM_DOMAIN is set" });
  } else if (audience) {
    faults.push({ path: "/ACCESS_AUD", message: "is set, but ACCESS_TEAM_DOMAIN is not" });
  }
  return null;
}

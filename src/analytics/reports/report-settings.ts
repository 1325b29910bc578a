/** Access to Analytics Engine for reports, from variables and a secret. Parsed once per isolate, with the other settings. */
import * as z from "zod/mini";
import type { Fault } from "../../policy/fault.ts";

export interface EngineSettings {
  /** The SQL API's URL, with the account's id. */
  readonly url: URL;
  /** A token that can read the account's analytics. Never logged. */
  readonly token: string;
  readonly dataset: string;
}

const API = "https://api.cloudflare.com/client/v4";
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);
const DEFAULT_DATASET = "edge_limiter";
/** Safe in a header; longer than any real token. */
const TOKEN = /^[\x21-\x7e]{1,400}$/;

const text = z.optional(z.string());

/** An unset variable and an empty one are the same. */
export const engineVariables = {
  ANALYTICS_ACCOUNT_ID: z.optional(
    z.string().check(z.regex(/^([0-9a-f]{32})?$/, "must be an account's id: 32 hexadecimal digits")),
  ),
  ANALYTICS_API_TOKEN: z.optional(z.string()),
  ANALYTICS_API_URL: text,
  ANALYTICS_DATASET: z.optional(
    z.string().check(z.regex(/^([A-Za-z_][A-Za-z0-9_]{0,99})?$/, "must be the name of a dataset")),
  ),
};
const schema = z.object(engineVariables);

/** Null if no token is configured. Faults name the variable, never its value. */
export function readEngine(variables: z.infer<typeof schema>, faults: Fault[]): EngineSettings | null {
  const token = variables.ANALYTICS_API_TOKEN;
  if (!token) return null;
  const account = variables.ANALYTICS_ACCOUNT_ID;
  if (!TOKEN.test(token)) faults.push({ path: "/ANALYTICS_API_TOKEN", message: "is not an API token" });
  if (!account) {
    faults.push({ path: "/ANALYTICS_ACCOUNT_ID", message: "is required if ANALYTICS_API_TOKEN is set" });
    return null;
  }
  const base = URL.parse(variables.ANALYTICS_API_URL || API);
  if (!base || (base.protocol !== "https:" && !LOOPBACK.has(base.hostname))) {
    faults.push({ path: "/ANALYTICS_API_URL", message: "must be an https URL" });
    return null;
  }
  const path = `${base.pathname.replace(/\/+$/, "")}/accounts/${account}/analytics_engine/sql`;
  return { url: new URL(path, base), token, dataset: variables.ANALYTICS_DATASET || DEFAULT_DATASET };
}

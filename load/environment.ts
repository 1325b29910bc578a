/**
 * What a run is told from outside, by environment variables: `npm run load` sets them, and so may who runs k6 by hand.
 *
 * LOAD_URL and ADMIN_TOKEN are required. No secret is ever printed or given in a URL.
 */
const VARIABLES = __ENV;

export type Profile = "short" | "full";

/** short: about 20 seconds. full: as long as it takes to trust the figures. */
export const PROFILE: Profile = VARIABLES["LOAD_PROFILE"] === "full" ? "full" : "short";

/** Where the limiter is, without a slash at its end. */
export const BASE_URL = required("LOAD_URL").replace(/\/+$/, "");
export const ADMIN_TOKEN = required("ADMIN_TOKEN");

/** A GET that the policy limits by its tiers alone. */
export const PATH = VARIABLES["LOAD_PATH"] || "/identify";

/** Whether the policy may be changed for the time of a run. It is everybody's, so not unless told. */
export const MAY_CHANGE_POLICY = VARIABLES["LOAD_CHANGE_POLICY"] === "1";

/** Whether the accounts of the run are left behind: where the product itself is thrown away. */
export const LEAVE_ACCOUNTS = VARIABLES["LOAD_LEAVE_ACCOUNTS"] === "1";

/** Where reports go; empty: none but the text. */
export const REPORT_DIRECTORY = VARIABLES["LOAD_REPORTS"] ?? "";

/** The bound of the 95th percentile, over the scenario's own: a busy machine is no fault of the limiter. */
const P95_MS = VARIABLES["LOAD_P95_MS"];

export function p95Ms(usual: number): number {
  return P95_MS ? Number(P95_MS) : usual;
}

/** The value of the profile that is run. */
export function byProfile<T>(choice: Readonly<Record<Profile, T>>): T {
  return choice[PROFILE];
}

function required(name: string): string {
  const value = VARIABLES[name];
  if (!value) throw new Error(`${name} is not set: start scenarios with \`npm run load -- <scenario>\``);
  return value;
}

/**
 * The environment variables of a run. `npm run load` sets them; set them yourself to run k6 by hand.
 *
 * LOAD_URL and ADMIN_TOKEN are required. Never print a secret or put one in a URL.
 */
const VARIABLES = __ENV;

export type Profile = "short" | "full";

/** short: about 20 seconds. full: long enough to trust the figures. */
export const PROFILE: Profile = VARIABLES["LOAD_PROFILE"] === "full" ? "full" : "short";

/** URL of the limiter, without a trailing slash. */
export const BASE_URL = required("LOAD_URL").replace(/\/+$/, "");
export const ADMIN_TOKEN = required("ADMIN_TOKEN");

/** Path of the GET requests. Its route must have no limits of its own, only those of the tiers. */
export const PATH = VARIABLES["LOAD_PATH"] || "/identify";

/** Whether the run may change the policy, which affects all users of the limiter. */
export const MAY_CHANGE_POLICY = VARIABLES["LOAD_CHANGE_POLICY"] === "1";

/** Whether the limiter runs in one isolate: then nothing of what it lends is missing from its limits (docs/consistency.md). */
export const HAS_ONE_ISOLATE = VARIABLES["LOAD_ONE_ISOLATE"] === "1";

/** Whether to keep the run's accounts. Set if the product's state is deleted anyway. */
export const LEAVE_ACCOUNTS = VARIABLES["LOAD_LEAVE_ACCOUNTS"] === "1";

/** Directory of the reports; if empty, only the text is printed. */
export const REPORT_DIRECTORY = VARIABLES["LOAD_REPORTS"] ?? "";

/** Overrides the scenario's bound of the 95th percentile, for busy machines. */
const P95_MS = VARIABLES["LOAD_P95_MS"];

/** @param usual the scenario's own bound. */
export function p95Ms(usual: number): number {
  return P95_MS ? Number(P95_MS) : usual;
}

/** The value for the profile of this run. */
export function byProfile<T>(choice: Readonly<Record<Profile, T>>): T {
  return choice[PROFILE];
}

function required(name: string): string {
  const value = VARIABLES[name];
  if (!value) throw new Error(`${name} is not set: start scenarios with \`npm run load -- <scenario>\``);
  return value;
}

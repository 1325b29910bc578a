/** The usual mix at a constant rate for an hour, to expose leaks and drift. `npm run load` prints the product's memory. */
import { byProfile } from "../environment.ts";
import { COMMON, thresholds } from "../measures.ts";
import { mixedRequest, prepareMix } from "../mixed-traffic.ts";
import { clear, type Stage } from "../stage.ts";

export { handleSummary } from "../summary.ts";

const MAX_VUS = byProfile({ short: 50, full: 200 });

export const options = {
  ...COMMON,
  scenarios: {
    soak: {
      executor: "constant-arrival-rate",
      rate: byProfile({ short: 100, full: 200 }),
      timeUnit: "1s",
      duration: byProfile({ short: "20s", full: "1h" }),
      preAllocatedVUs: MAX_VUS,
      maxVUs: MAX_VUS,
    },
  },
  thresholds: thresholds(250, {
    // Requests that were not sent because all virtual users were waiting for late answers. Strict in the full profile only.
    dropped_iterations: [byProfile({ short: "count<2000", full: "count<100" })],
  }),
};

export const setup = (): Stage => prepareMix(MAX_VUS);
export const teardown = clear;

export default async function soak(stage: Stage): Promise<void> {
  await mixedRequest(stage, false);
}

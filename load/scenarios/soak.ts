/** The usual mix at one rate for long: what grows, leaks or drifts shows. The runner tells the memory of a product it started. */
import { byProfile } from "../environment.ts";
import { COMMON, thresholds } from "../measures.ts";
import { mixedRequest, prepareMix } from "../mixed-traffic.ts";
import { clear, type Stage } from "../stage.ts";

export { handleSummary } from "../report.ts";

const MOST = byProfile({ short: 50, full: 200 });

export const options = {
  ...COMMON,
  scenarios: {
    soak: {
      executor: "constant-arrival-rate",
      rate: byProfile({ short: 100, full: 200 }),
      timeUnit: "1s",
      duration: byProfile({ short: "20s", full: "1h" }),
      preAllocatedVUs: MOST,
      maxVUs: MOST,
    },
  },
  thresholds: thresholds(250, {
    // What nobody was free to ask, since answers were late: of the full profile, as other times are.
    dropped_iterations: [byProfile({ short: "count<2000", full: "count<100" })],
  }),
};

export const setup = (): Stage => prepareMix(MOST);
export const teardown = clear;

export default async function soak(stage: Stage): Promise<void> {
  await mixedRequest(stage, false);
}

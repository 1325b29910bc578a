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
  thresholds: thresholds(byProfile({ short: 500, full: 250 }), {
    // A request that nobody was free to make is one that was not answered in time.
    dropped_iterations: ["count<10"],
  }),
};

export const setup = (): Stage => prepareMix(MOST);
export const teardown = clear;

export default async function soak(stage: Stage): Promise<void> {
  await mixedRequest(stage, false);
}

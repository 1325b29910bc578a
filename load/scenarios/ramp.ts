/** The usual mix by more and more clients: 30 s to 10, a minute to 50, three minutes at 50, 30 s down. */
import { byProfile } from "../environment.ts";
import { COMMON, thresholds } from "../measures.ts";
import { mixedRequest, prepareMix } from "../mixed-traffic.ts";
import { clear, type Stage } from "../stage.ts";

export { handleSummary } from "../report.ts";

const MOST = 50;
const SECONDS = byProfile({ short: [2, 4, 12, 2], full: [30, 60, 180, 30] });

export const options = {
  ...COMMON,
  scenarios: {
    ramp: {
      executor: "ramping-vus",
      startVUs: 1,
      stages: [10, MOST, MOST, 0].map((target, i) => ({ duration: `${SECONDS[i]}s`, target })),
    },
  },
  thresholds: thresholds(250),
};

export const setup = (): Stage => prepareMix(MOST);
export const teardown = clear;

export default async function ramp(stage: Stage): Promise<void> {
  await mixedRequest(stage, true);
}

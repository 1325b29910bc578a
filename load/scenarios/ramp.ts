/** The usual mix with a growing number of clients: 30 s up to 10, a minute up to 50, three minutes at 50, 30 s down. */
import { byProfile } from "../environment.ts";
import { COMMON, thresholds } from "../measures.ts";
import { mixedRequest, prepareMix } from "../mixed-traffic.ts";
import { clear, type Stage } from "../stage.ts";

export { handleSummary } from "../summary.ts";

const MAX_VUS = 50;
const SECONDS = byProfile({ short: [2, 4, 12, 2], full: [30, 60, 180, 30] });

export const options = {
  ...COMMON,
  scenarios: {
    ramp: {
      executor: "ramping-vus",
      startVUs: 1,
      stages: [10, MAX_VUS, MAX_VUS, 0].map((target, i) => ({ duration: `${SECONDS[i]}s`, target })),
    },
  },
  thresholds: thresholds(250),
};

export const setup = (): Stage => prepareMix(MAX_VUS);
export const teardown = clear;

export default async function ramp(stage: Stage): Promise<void> {
  await mixedRequest(stage, true);
}

/** The usual mix of tiers, 70/25/5, from a constant number of clients. */
import { byProfile } from "../environment.ts";
import { COMMON, thresholds } from "../measures.ts";
import { mixedRequest, prepareMix } from "../mixed-traffic.ts";
import { clear, type Stage } from "../stage.ts";

export { handleSummary } from "../summary.ts";

const CLIENTS = byProfile({ short: 20, full: 100 });

export const options = {
  ...COMMON,
  scenarios: {
    mix: {
      executor: "constant-vus",
      vus: CLIENTS,
      duration: byProfile({ short: "20s", full: "10m" }),
    },
  },
  thresholds: thresholds(250),
};

export const setup = (): Stage => prepareMix(CLIENTS);
export const teardown = clear;

export default async function mix(stage: Stage): Promise<void> {
  await mixedRequest(stage, true);
}

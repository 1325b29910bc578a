/**
 * Traffic as it usually is: 70 % of the requests are of free users, 25 % of pro, 5 % of enterprise. Each virtual user of k6 is
 * the only client of one user of each tier, so the model holds for all of them.
 */
import exec from "k6/execution";
import { Client, pause } from "./client.ts";
import { prepare, type Stage } from "./stage.ts";

const TIERS = ["free", "pro", "enterprise"] as const;
/** Between two requests of a virtual user: ten virtual users make at most a hundred requests a second. */
const THINK_MS = 100;

/** Clients outlive an iteration: they know what their users have spent. */
const clients = new Map<string, Client>();

export function prepareMix(virtualUsers: number): Stage {
  return prepare({ users: Array.from({ length: virtualUsers }, () => TIERS).flat() });
}

/** One request of a user of a tier by lot, and a pause where `paced`. */
export async function mixedRequest(stage: Stage, paced: boolean): Promise<void> {
  const share = Math.random();
  const tier = share < 0.7 ? 0 : share < 0.95 ? 1 : 2;
  const user = stage.users[(exec.vu.idInTest - 1) * TIERS.length + tier];
  if (!user) throw new Error("more virtual users than were prepared for");
  let client = clients.get(user.id);
  if (!client) {
    client = new Client(user, stage);
    clients.set(user.id, client);
  }
  await client.ask();
  // Nobody is told which iteration is the last.
  client.finish();
  if (paced) await pause(THINK_MS);
}

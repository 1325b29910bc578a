/**
 * The usual mix of traffic: 70 % of the requests come from free users, 25 % from pro, 5 % from enterprise. Each virtual user
 * of k6 is the only client of one user of each tier, so the model covers all of their requests.
 */
import exec from "k6/execution";
import { Client, pause } from "./client.ts";
import { prepare, type Stage } from "./stage.ts";

const TIERS = ["free", "pro", "enterprise"] as const;
/** Between two requests of a virtual user, so ten virtual users send at most 100 requests a second. */
const THINK_MS = 100;

/** Kept across iterations, since each client knows what its user has spent. */
const clients = new Map<string, Client>();

export function prepareMix(virtualUsers: number): Stage {
  return prepare({ users: Array.from({ length: virtualUsers }, () => TIERS).flat() });
}

/** Sends one request as a user of a random tier, then pauses if `paced`. */
export async function mixedRequest(stage: Stage, paced: boolean): Promise<void> {
  const share = Math.random();
  const tier = share < 0.7 ? 0 : share < 0.95 ? 1 : 2;
  const user = stage.users[(exec.vu.idInTest - 1) * TIERS.length + tier];
  if (!user) throw new Error("k6 runs more virtual users than setup prepared");
  let client = clients.get(user.id);
  if (!client) {
    client = new Client(user, stage);
    clients.set(user.id, client);
  }
  await client.ask();
  // After every request, since an iteration cannot know that it is the last.
  client.finish();
  if (paced) await pause(THINK_MS);
}

/**
 * Batches of 1,000 operations for a hundred users, one of them invalid: that one is rejected at its position, and the others
 * are decided exactly, in order.
 */
import exec from "k6/execution";
import { Counter } from "k6/metrics";
import { note } from "../client.ts";
import { byProfile } from "../environment.ts";
import { beginCounts, COMMON, onceEach, overAdmitted, thresholds, underAdmitted } from "../measures.ts";
import { ExactUser } from "../model/exact-user.ts";
import { limitsOf } from "../model/limits-of.ts";
import { checkBatch, type Operation } from "../service.ts";
import { clear, prepare, type Stage } from "../stage.ts";

export { handleSummary } from "../summary.ts";

const TIER = "free";
const CLIENTS = byProfile({ short: 3, full: 8 });
const DURATION_MS = byProfile({ short: 20_000, full: 300_000 });
const OPERATIONS = 1_000;
/** Few in a short run, so that they reach their limits even on a slow machine. */
const USERS = byProfile({ short: 25, full: 100 });
const INVALID_OPERATION = { tier: "no-such-tier", cost: 1 };

/** Invalid items that were accepted, and valid items that were rejected. */
const misplaced = new Counter("misplaced");

export const options = {
  ...COMMON,
  scenarios: { batch: onceEach(CLIENTS, DURATION_MS) },
  thresholds: thresholds(2_000, {
    denied: ["count>0"],
    misplaced: ["count==0"],
  }),
};

export const setup = (): Stage => prepare({ users: [] });
export const teardown = clear;

export default async function batch(stage: Stage): Promise<void> {
  beginCounts();
  misplaced.add(0);
  const endMs = Date.now() + DURATION_MS;
  const limits = limitsOf(stage.policy, TIER);
  const models = Array.from({ length: USERS }, () => new ExactUser(limits));
  const over = models.map(() => 0);
  const operations = Array.from({ length: OPERATIONS }, (_, i): Operation => {
    return { user: `${stage.run}-batch-${exec.vu.idInTest}-${i % USERS}`, tier: TIER, cost: 1 };
  });
  while (Date.now() < endMs) {
    const bad = Math.floor(Math.random() * OPERATIONS);
    const sentMs = Date.now();
    const asked = [...operations];
    asked[bad] = { ...INVALID_OPERATION, user: `${stage.run}-batch` };
    const tickets = asked.map((_, i) => models[i % USERS]?.send(sentMs));
    const { durationMs, results } = await checkBatch(stage, asked);
    const knownMs = Date.now();
    results.forEach(({ verdict, invalid, source }, i) => {
      const model = models[i % USERS];
      const ticket = tickets[i];
      if (!model || !ticket) return;
      // An invalid operation is neither decided nor charged.
      const cost = i === bad ? 0 : 1;
      const excess = model.answer(ticket, verdict, cost, knownMs);
      overAdmitted.add(Math.max(0, excess - (over[i % USERS] ?? 0)));
      over[i % USERS] = Math.max(excess, over[i % USERS] ?? 0);
      if (invalid !== (i === bad)) misplaced.add(1);
      else if (i !== bad) note(verdict, source, verdict === "unknown", durationMs, TIER);
    });
  }
  for (const model of models) underAdmitted.add(model.under);
}

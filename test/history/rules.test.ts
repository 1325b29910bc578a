/**
 * Each rule of lending is necessary: without it, random schedules soon break a guarantee. So the histories would notice if it were lost.
 * Compiled with a switch for each rule (rule-switches.ts).
 */
import fc from "fast-check";
import { afterEach, expect, it } from "vitest";
import { CONDITIONS, schedules } from "./conditions.ts";
import { FOCUSED } from "./focused-conditions.ts";
import { violationsOf } from "./judge.ts";
import { RULES_OFF } from "./rule-switches.ts";
import { EXACT, SCRIPTED } from "./rule-schedules.ts";
import { type Rule, RULES } from "./rules.ts";
import type { Schedule } from "./schedule.ts";
import { admitted } from "./scripted.ts";
import { World } from "./world.ts";

const SEED = Number(process.env["HISTORY_SEED"] ?? 20_261_121);
const MAX_RUNS = Number(process.env["RULE_RUNS"] ?? 150);
const STEPS = 10;

const KINDS = new Map(Object.entries({ ...CONDITIONS, ...FOCUSED }));
const MADE_BY_HAND = new Map(Object.entries(SCRIPTED));

afterEach(() => void Reflect.deleteProperty(globalThis, RULES_OFF));

function switchOff(...names: readonly string[]): void {
  Reflect.set(globalThis, RULES_OFF, new Set(names));
}

async function violations(schedule: Schedule, kind: Rule["kind"]): Promise<string[]> {
  const history = await new World(schedule).run();
  const billed = history.usage.reduce((sum, { requests }) => sum + requests, 0);
  const count = admitted(history).length;
  const exact = EXACT.get(kind);
  const isBilled = exact === undefined || billed === count;
  const isWhole = typeof exact !== "number" || count === exact;
  return [
    ...violationsOf(history),
    ...(isBilled ? [] : [`G5: billed only ${billed} requests`]),
    ...(isWhole ? [] : [`G2: admitted ${count} of ${exact} requests`]),
  ];
}

function drawnOf(kind: Rule["kind"]): readonly Schedule[] {
  const schedule = MADE_BY_HAND.get(kind);
  if (schedule) return [schedule];
  const conditions = KINDS.get(kind);
  if (!conditions) throw new Error(`there is no kind of schedules "${kind}"`);
  return fc.sample(schedules(conditions, STEPS), { seed: SEED, numRuns: MAX_RUNS });
}

it.each(RULES.map((rule) => [rule.name, rule.kind] as const))(
  "%s",
  { timeout: 600_000 },
  async (name, kind) => {
    const drawn = drawnOf(kind);
    for (const schedule of drawn) {
      switchOff(name);
      const found = await violations(schedule, kind);
      if (found.length === 0) continue;
      switchOff();
      expect(await violations(schedule, kind)).toEqual([]);
      return;
    }
    expect.fail(`${MAX_RUNS} schedules hold without the rule`);
  },
);

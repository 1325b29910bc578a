/**
 * An independent rater (rater.py: Python's Decimal, its own code) must agree with the product on random policies and usages, to the last
 * minor unit and the last millitoken of the hard stop. One process, JSON lines in and out.
 */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_EXACT } from "../../src/core/units.ts";
import { history } from "./arbitraries.ts";
import { type Bill, billOf } from "./history.ts";

const RUNS = Number(process.env["BILLING_RATER_RUNS"] ?? 2_000);
const SEED = Number(process.env["BILLING_SEED"] ?? 20_261_130);

const PYTHON = "python3";
const HAS_PYTHON = spawnSync(PYTHON, ["--version"]).status === 0;
if (!HAS_PYTHON) process.stderr.write(`skipped: the rater in Python, because there is no ${PYTHON}\n`);

/** The product's bill in the form of rater.py. */
function answerOf({ period, lines, totals, hardStopMilli }: Bill): unknown {
  if (totals.kind === "negative") throw new Error("rating makes no negative line");
  return {
    period: [period.startMs, period.endMs, period.fullMs],
    lines: lines.map(({ kind, segment, minor }) => [kind, segment, String(minor)]),
    subtotal: String(totals.subtotalMinor),
    taxes: totals.taxes.map(({ minor }) => String(minor)),
    total: String(totals.totalMinor),
    credits: totals.credits.map(({ id, minor }) => [id, String(minor)]),
    due: String(totals.dueMinor),
    stopMilli: hardStopMilli,
  };
}

/** What the histories must contain, each in at least 2 %: agreement on nothing would prove nothing. */
const CASES: Record<string, (bill: Bill) => boolean> = {
  stub: ({ period }) => period.endMs - period.startMs < period.fullMs,
  "several segments": ({ segments }) => segments.length > 1,
  grant: ({ segments }) => segments.some(({ grantedMilli }) => grantedMilli > 0),
  overage: ({ lines }) => lines.some(({ kind, minor }) => kind === "overage" && minor > 0n),
  "overage cut to a cap": ({ lines }) => lines.some(({ description }) => description.includes("cut from")),
  "price by route": ({ lines }) => lines.some(({ kind }) => kind === "usage"),
  minimum: ({ lines }) => lines.some(({ kind }) => kind === "minimum"),
  "two tax rates": ({ totals }) => totals.kind === "totals" && totals.taxes.length === 2,
  credit: ({ totals }) => totals.kind === "totals" && totals.credits.length > 0,
  "something due after credits": ({ totals }) =>
    totals.kind === "totals" && totals.credits.length > 0 && totals.dueMinor > 0n,
  "a hard stop": ({ hardStopMilli }) => hardStopMilli !== null && hardStopMilli < MAX_EXACT,
};

test.skipIf(!HAS_PYTHON)("a rater in Python's Decimal makes the same bills, to the last minor unit", () => {
  const histories = fc.sample(history, { numRuns: RUNS, seed: SEED });
  const input = histories.map((own) => JSON.stringify(own)).join("\n");
  const rater = join(import.meta.dirname, "rater.py");
  const ran = spawnSync(PYTHON, [rater], { input, encoding: "utf8", maxBuffer: 2 ** 30, timeout: 120_000 });
  expect(ran.stderr).toBe("");
  const answers = ran.stdout.trim().split("\n");
  expect(answers).toHaveLength(histories.length);
  const bills = histories.map(billOf);
  bills.forEach((bill, index) => {
    const theirs: unknown = JSON.parse(answers[index]!);
    expect(answerOf(bill), JSON.stringify(histories[index])).toEqual(theirs);
  });
  const rare = Object.entries(CASES).filter(([, isCase]) => bills.filter(isCase).length < RUNS / 50);
  expect(rare, "cases that the histories hardly have").toEqual([]);
});

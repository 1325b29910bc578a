/** A spend cap is exact: 64 clients over four isolates never use a token beyond it, and what accrues is the price of the ledger. */
import { describe, expect, it } from "vitest";
import type { BillingView } from "../../src/objects/billing.ts";
import type { History } from "./history.ts";
import { BILLED, INCLUDED } from "./policies.ts";
import { admitted, after, ask, DIES, leased, played } from "./scripted.ts";
import type { Schedule, Step } from "./schedule.ts";

const CLIENTS = 64;
const ISOLATES = 4;
/** What the cap of 3.00 pays at a cent each. */
const PAID_MILLI = 300_000;
/** Of January, whose last hour it is. */
const MONTH_MS = 31 * 24 * 3_600_000;

/** Each client sends a request, again and again; each waits for its answer on its own. */
function rounds(times: number, everyMs: number): Step[] {
  return Array.from({ length: times }, () =>
    Array.from({ length: ISOLATES }, (_, isolate) =>
      ask(isolate === 0 ? everyMs : 0, CLIENTS / ISOLATES, { isolate }),
    ),
  ).flat();
}

async function play(tier: Schedule["tier"], steps: readonly Step[]): Promise<History> {
  return played(steps, { tier, variant: BILLED, skewsMs: [0, 0, 0, 0] });
}

function billingOf({ billing }: History): BillingView {
  if (billing?.kind !== "billing") throw new Error(`the account is ${billing?.kind}`);
  return billing.billing;
}

/** Tokens that the account may use in its stub of a period, in thousandths: its share of what is included, and what the cap pays. */
function stopMilli(history: History): number {
  const { periodStartMs, periodEndMs } = billingOf(history);
  return Math.ceil((INCLUDED * 1_000 * (periodEndMs - periodStartMs)) / MONTH_MS) + PAID_MILLI;
}

function usedMilli(history: History): number {
  return admitted(history).reduce((sum, { costMilli }) => sum + costMilli, 0);
}

/** What the ledger costs beyond the included amount, in dollars, rounded half up. */
function priceOf(history: History): string {
  const ledgerMilli = history.usage.reduce((sum, { cost }) => sum + Math.round(cost * 1_000), 0);
  const overMilli = Math.max(0, ledgerMilli - (stopMilli(history) - PAID_MILLI));
  return (Math.round(overMilli / 1_000) / 100).toFixed(2);
}

describe.each(["tight", "leased"] as const)("64 clients over 4 isolates of the tier %s", (tier) => {
  it("use all that a spend cap pays, and not a token more", async () => {
    const history = await play(tier, rounds(40, 100));
    const used = usedMilli(history);
    expect(used).toBeLessThanOrEqual(stopMilli(history));
    // Requests cost a token each.
    expect(used).toBeGreaterThan(stopMilli(history) - 1_000);
    expect(leased(history).length > 0).toBe(tier === "leased");
    expect(billingOf(history).accrued.subtotal).toBe(priceOf(history));
    const denials = history.asked.filter(({ decision }) => decision?.allowed === false);
    expect(denials.length).toBeGreaterThan(CLIENTS);
    for (const { decision } of denials)
      expect(decision).toMatchObject({ violated: ["month"], cap: "spend_cap" });
    const left = (stopMilli(history) - used) / 1_000;
    const months = admitted(history).flatMap(({ decision }) => decision?.limits[1] ?? []);
    expect(Math.min(...months.map(({ remaining }) => remaining))).toBe(left);
    expect(Math.max(...months.map(({ over = 0 }) => over))).toBeCloseTo(PAID_MILLI / 1_000 - left, 9);
  });

  it("never exceed it and pay for the ledger alone, whatever dies", async () => {
    const busy = rounds(8, 100);
    const history = await play(tier, [
      ...busy,
      after(20, DIES),
      ...busy,
      after(30, { kind: "isolate-dies", isolate: 2 }),
      ...busy,
      after(20, DIES),
      ...rounds(12, 600),
    ]);
    expect(usedMilli(history)).toBeLessThanOrEqual(stopMilli(history));
    expect(usedMilli(history)).toBeGreaterThan(PAID_MILLI);
    expect(billingOf(history).accrued.subtotal).toBe(priceOf(history));
  });
});

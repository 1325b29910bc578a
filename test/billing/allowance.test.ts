/** The allowance that decisions get: where the included amount ends, where the quota stops, and why there. */
import { describe, expect, it } from "vitest";
import { type Allowance, type AllowanceBasis, allowanceOf, NO_CAPS } from "../../src/billing/allowance.ts";
import type { Caps } from "../../src/billing/ceiling.ts";
import type { PriceFields } from "../../src/billing/compile-price.ts";
import type { Line } from "../../src/billing/line.ts";
import { costFemto } from "../../src/billing/price.ts";
import { compileTerms, type OverageMode, termsOf, trialTerms } from "../../src/billing/terms.ts";
import { DAY_MS } from "../../src/core/time.ts";

const FULL = 31 * DAY_MS;
const CENT: PriceFields = { model: "unit", unit: "0.01" };
const FALLING: PriceFields = {
  model: "volume",
  tiers: [
    { upTo: 100, unit: "2" },
    { upTo: null, unit: "1" },
  ],
};

function termsIn(mode: OverageMode, price: PriceFields = CENT) {
  const overage = mode === "stop" ? { mode } : { mode, price };
  return termsOf({}, { name: "month", amount: 1_000, overage });
}

interface Case {
  readonly mode?: OverageMode;
  readonly price?: PriceFields;
  readonly caps?: Partial<Caps>;
  readonly basis?: Partial<AllowanceBasis>;
  readonly segment?: Partial<AllowanceBasis["segment"]>;
}

function basisOf({ mode = "payg", price, caps, basis, segment }: Case): AllowanceBasis {
  const terms = compileTerms(termsIn(mode, price));
  return {
    segment: { startMs: 0, endMs: FULL, terms, grantedMilli: 0, usageAtStart: [], ...segment },
    earlier: [],
    caps: { ...NO_CAPS, ...caps },
    rates: [],
    fullMs: FULL,
    exponent: 2,
    ...basis,
  };
}

/** A line of an earlier segment. */
function charged(minor: bigint): Line {
  return {
    kind: "overage",
    segment: 0,
    route: null,
    description: "",
    quantity: "1",
    unitPrice: null,
    detail: [],
    minor,
  };
}

const used = { route: "/a", unit: "requests", count: 50, costMilli: 50_000 };
const tax = [{ country: "DE", name: "VAT", percent: "19" }];

/** [included, amount] in tokens, and why it stops there. */
const CASES: readonly [string, Case, [number, number | null], Allowance["stop"]][] = [
  ["mode stop", { mode: "stop" }, [1_000, 1_000], "included"],
  [
    "a cap in mode stop, which has no effect",
    { mode: "stop", caps: { budget: "1" } },
    [1_000, 1_000],
    "included",
  ],
  ["payg without a cap", {}, [1_000, null], null],
  ["a spend cap", { caps: { spendCap: "2" } }, [1_000, 1_200], "spend_cap"],
  ["a spend cap of 0", { caps: { spendCap: "0" } }, [1_000, 1_000], "spend_cap"],
  ["a lower budget", { caps: { spendCap: "2", budget: "1" } }, [1_000, 1_100], "budget"],
  ["a higher budget", { caps: { spendCap: "2", budget: "3" } }, [1_000, 1_200], "spend_cap"],
  ["an equal budget", { caps: { spendCap: "2", budget: "2" } }, [1_000, 1_200], "spend_cap"],
  ["a balance in mode payg, which pays the bill only", { caps: { balanceMinor: 1n } }, [1_000, null], null],
  ["prepaid without credits", { mode: "prepaid" }, [1_000, 1_000], "credits"],
  ["prepaid with 2.00", { mode: "prepaid", caps: { balanceMinor: 200n } }, [1_000, 1_200], "credits"],
  [
    "prepaid with 2.38, of which 0.38 is tax",
    { mode: "prepaid", caps: { balanceMinor: 238n }, basis: { rates: tax } },
    [1_000, 1_200],
    "credits",
  ],
  [
    "prepaid with a budget below the balance",
    { mode: "prepaid", caps: { balanceMinor: 200n, budget: "1.50" } },
    [1_000, 1_150],
    "budget",
  ],
  [
    "what earlier segments charged towards the cap",
    { caps: { spendCap: "2" }, basis: { earlier: [charged(150n)] } },
    [1_000, 1_050],
    "spend_cap",
  ],
  [
    "a cap below what earlier segments charged",
    { caps: { spendCap: "2" }, basis: { earlier: [charged(300n)] } },
    [1_000, 1_000],
    "spend_cap",
  ],
  [
    "a second segment, with its share and the usage before it",
    { caps: { spendCap: "2" }, segment: { startMs: FULL / 2, usageAtStart: [used] } },
    [550, 750],
    "spend_cap",
  ],
  ["a grant", { caps: { spendCap: "2" }, segment: { grantedMilli: 7_000 } }, [1_007, 1_207], "spend_cap"],
  [
    "a budget on a price that can fall: nothing beyond the included amount",
    { price: FALLING, caps: { budget: "100" } },
    [1_000, 1_000],
    "budget",
  ],
  ["a price that can fall, uncapped", { price: FALLING }, [1_000, null], null],
];

describe("an account's allowance", () => {
  it.each(CASES)("with %s", (_name, input, [included, amount], stop) => {
    expect(allowanceOf(basisOf(input))).toEqual({
      limit: "month",
      includedMilli: included * 1000,
      amountMilli: amount === null ? null : amount * 1000,
      stop,
    });
  });

  it("ends at the last thousandth of a token that the cap pays", () => {
    const basis = basisOf({
      price: { model: "unit", unit: "0.0007" },
      caps: { spendCap: "1" },
    });
    const { includedMilli, amountMilli } = allowanceOf(basis)!;
    const price = basis.segment.terms.quota!.price!;
    const dollar = 10n ** 15n;
    expect(costFemto(price, amountMilli! - includedMilli)).toBeLessThanOrEqual(dollar);
    expect(costFemto(price, amountMilli! - includedMilli + 1)).toBeGreaterThan(dollar);
  });

  it("is the included amount during a trial, whatever the mode and the caps", () => {
    const terms = compileTerms(trialTerms(termsIn("prepaid")));
    const allowance = allowanceOf(basisOf({ mode: "prepaid", segment: { terms }, caps: { spendCap: "9" } }));
    expect(allowance).toMatchObject({ includedMilli: 1_000_000, amountMilli: 1_000_000, stop: "included" });
  });

  it("is null if no quota has overage", () => {
    expect(allowanceOf(basisOf({ segment: { terms: compileTerms(termsOf({}, null)) } }))).toBeNull();
  });
});

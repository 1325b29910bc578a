/** The portal's texts and drawings of the open period: the billed quota, alerts, money and forecast. */
import { describe, expect, it } from "vitest";
import { linkAccount, linkToken } from "../../portal/src/link.ts";
import { money, moneyBand } from "../../portal/src/money.ts";
import { allowanceAlert, allowanceBar, stopText, usedText } from "../../portal/src/now/allowance.ts";
import { BURN_HEIGHT, BURN_WIDTH, type BurnInput, burnLines } from "../../portal/src/now/burn.ts";
import { lastDay, periodText } from "../../dashboard/src/shell/moment.ts";
import { accruedText, bandText, forecastText } from "../../portal/src/now/forecast-text.ts";
import type { Allowance, Forecast } from "../../portal/src/portal-api.ts";
import { BILLING } from "./answers.ts";

const NOW_MS = Date.UTC(2026, 10, 28, 12);
const CAPPED: Allowance = {
  limit: "month",
  mode: "payg",
  included: 1_000,
  used: 600,
  amount: 2_000,
  stop: "budget",
};
const FORECAST: Forecast = {
  periodEnd: "2026-12-01T00:00:00.000Z",
  usage: { expected: 1_500, low: 1_200, high: 1_900 },
  amount: { expected: "150.00", low: "120.50", high: "179.10" },
};

describe("money", () => {
  it("has its currency and all its digits", () => {
    expect([money("71.2", "USD"), money("117.81", "EUR"), money("1200", "JPY"), money("-5", "USD")]).toEqual([
      "$71.20",
      "€117.81",
      "¥1,200",
      "-$5.00",
    ]);
    expect(money("999999999999.99", "USD")).toBe("$999,999,999,999.99");
  });

  it("of a band is rounded outwards, unless whole units would hide it", () => {
    expect(moneyBand("120.50", "179.10", "USD")).toBe("$120 to $180");
    expect(moneyBand("0.40", "1.25", "USD")).toBe("$0.40 to $1.25");
    expect(moneyBand("99.00", "99.00", "USD")).toBe("$99.00");
  });
});

describe("the forecast", () => {
  it("is a band until the last day of the period, which ends at midnight in UTC", () => {
    expect(forecastText(FORECAST, "USD", NOW_MS)).toBe("$120 to $180 by 30 Nov");
    expect(lastDay("2027-01-01T00:00:00.000Z", NOW_MS)).toBe("31 Dec");
    const of = (start: string, end: string): string => periodText({ start, end }, NOW_MS);
    expect(of("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z")).toBe("1 Dec – 31 Dec");
    expect(of("2026-11-30T00:00:00Z", "2026-12-01T00:00:00Z")).toBe("30 Nov");
    expect(of("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z")).toBe("1 Dec 2025 – 31 Dec 2025");
  });

  it("and what has accrued are before tax, so that they compare", () => {
    expect(bandText(FORECAST)).toBe("before tax, in 8 of 10 cases");
    expect(bandText({ ...FORECAST, amount: { expected: "9", low: "9", high: "9" } })).toBe("before tax");
    const { accrued } = BILLING;
    expect(accruedText(accrued, "EUR")).toBe("before tax; €125.15 with it");
    expect(accruedText({ ...accrued, due: "25.15" }, "EUR")).toBe(
      "before tax; €125.15 with it, €25.15 after credits",
    );
    expect(accruedText({ ...accrued, total: "105.17", due: "105.17" }, "EUR")).toBe("no tax");
  });

  it("says so if there is not enough data", () => {
    expect(forecastText(null, "USD", NOW_MS)).toBe("not enough data yet");
  });
});

describe("the quota that is billed", () => {
  it("says what is used, what is beyond what is included, and where requests stop", () => {
    expect(usedText(CAPPED, "tokens")).toBe("600 of 1,000 included tokens used");
    expect(usedText({ ...CAPPED, used: 1_234 }, "tokens")).toBe(
      "1,000 included tokens used, and 234 beyond them",
    );
    expect(usedText({ ...CAPPED, included: 0 }, "requests")).toBe("600 requests used");
    expect(stopText(CAPPED, "tokens")).toBe(
      "Usage beyond what is included (the line) costs extra. Requests stop at 2,000 tokens: your budget.",
    );
    expect(stopText({ ...CAPPED, mode: "stop", amount: 1_000, stop: "included" }, "tokens")).toBe(
      "Requests stop at 1,000 tokens: your plan.",
    );
    expect(stopText({ ...CAPPED, amount: null, stop: null }, "tokens")).toMatch(/^Nothing stops requests/);
  });

  it("warns from four fifths of the cap on, and says at the cap that requests are denied", () => {
    const at = (used: number) => allowanceAlert({ ...CAPPED, used }, "1 Dec 01:00");
    // The budget pays for what is beyond the included amount.
    expect(at(1_799)).toBeNull();
    expect(at(1_800)?.text).toMatch(/^80 % of what your budget allows is used\./);
    expect(at(1_999)).toMatchObject({ tone: "warning", text: expect.stringMatching(/^99 %/) });
    expect(at(1_999.5)?.tone).toBe("error");
    expect(at(2_000)).toMatchObject({
      tone: "error",
      text: "Requests are denied until 1 Dec 01:00: your budget is used up. You can raise or remove the budget under Plan.",
    });
  });

  it("warns by the included amount if requests stop there, and never without a cap", () => {
    const stop: Allowance = { ...CAPPED, mode: "stop", amount: 1_000, stop: "included" };
    expect(allowanceAlert({ ...stop, used: 799 }, "")).toBeNull();
    expect(allowanceAlert({ ...stop, used: 850 }, "")?.text).toMatch(/^85 % of what your plan allows/);
    expect(allowanceAlert({ ...CAPPED, used: 9_999, amount: null, stop: null }, "")).toBeNull();
    // A budget of nothing: requests stop where the included amount ends.
    const none: Allowance = { ...CAPPED, amount: 1_000, used: 900 };
    expect(allowanceAlert(none, "")?.text).toMatch(/^90 %/);
  });

  it("is drawn as shares of the cap", () => {
    expect(allowanceBar({ ...CAPPED, used: 1_500 })).toEqual({
      included: 0.5,
      over: 0.25,
      includedEnd: 0.5,
    });
    const uncapped = allowanceBar({ ...CAPPED, amount: null, stop: null });
    expect(uncapped.included).toBeCloseTo(0.48);
    expect(allowanceBar({ ...CAPPED, included: 0, used: 0, amount: 0 })).toEqual({
      included: 0,
      over: 0,
      includedEnd: null,
    });
  });
});

describe("the burn-down", () => {
  const day = (date: number) => Date.UTC(2026, 10, date);
  const input: BurnInput = {
    startMs: day(1),
    endMs: day(31),
    nowMs: day(16),
    used: 1_000,
    included: 2_000,
    amount: null,
    days: [
      { atMs: day(15), cost: 400 },
      { atMs: day(10), cost: 500 },
      { atMs: day(1), cost: 100 },
    ],
    forecast: null,
  };

  it("adds up the days until now, and stays level on days without usage", () => {
    expect(burnLines(input).points).toEqual([
      { atMs: day(2), used: 100 },
      { atMs: day(10), used: 100 },
      { atMs: day(11), used: 600 },
      { atMs: day(15), used: 600 },
      { atMs: day(16), used: 1_000 },
    ]);
  });

  it("ends at what is used now, which is newer than the days", () => {
    expect(burnLines({ ...input, used: 1_007 }).points.at(-1)?.used).toBe(1_007);
    expect(burnLines({ ...input, used: 50 }).points.every(({ used }) => used >= 0)).toBe(true);
  });

  it("is drawn from the corner to the middle, with the forecast to the end", () => {
    const { past, expected, band } = burnLines({
      ...input,
      forecast: { ...FORECAST, usage: { expected: 2_000, low: 1_800, high: 2_200 } },
    });
    expect(past).toMatch(new RegExp(`^M0,${BURN_HEIGHT}L`));
    expect(past).toMatch(new RegExp(`L${BURN_WIDTH / 2},[\\d.]+$`));
    expect(expected).toMatch(new RegExp(`^M${BURN_WIDTH / 2},[\\d.]+L${BURN_WIDTH},[\\d.]+$`));
    expect(band).toMatch(/Z$/);
    expect(burnLines(input)).toMatchObject({ expected: "", band: "" });
  });

  it("shows the cap only if it fits beside the usage, and once if it is the included amount", () => {
    expect(burnLines(input).includedY).toBeGreaterThan(0);
    expect(burnLines(input).stopY).toBeNull();
    expect(burnLines({ ...input, amount: 2_050 }).stopY).toBeGreaterThan(0);
    expect(burnLines({ ...input, amount: 9_000 }).stopY).toBeNull();
    expect(burnLines({ ...input, amount: 2_000 }).stopY).toBeNull();
  });
});

describe("the provider's link", () => {
  it("is read from the fragment, and nothing else is", () => {
    expect(linkToken("#link=abc.DEF-1_2")).toBe("abc.DEF-1_2");
    // Ids of accounts may contain any printable ASCII character.
    expect(linkToken("#link=abc.acme%2F%23")).toBe("abc.acme/#");
    expect(["", "#", "#link=", "#content", "#linked=x", "#link=%"].map(linkToken)).toEqual(
      Array.from({ length: 6 }, () => null),
    );
  });

  it("says which account it is for", () => {
    expect(linkAccount(`${"a".repeat(54)}.acme/1.eu`)).toBe("acme/1.eu");
  });
});

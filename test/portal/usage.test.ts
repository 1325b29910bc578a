/** The spans of the portal's usage, tiers in words, and what a change of tier costs. */
import { describe, expect, it } from "vitest";
import { baseText, includedText, previewFacts } from "../../portal/src/plan/tier-text.ts";
import type { PortalTier, TierPreview } from "../../portal/src/portal-api.ts";
import { spanOf, SPANS, stepsOf, stepText } from "../../portal/src/usage/spans.ts";
import { usageLines } from "../../portal/src/usage/usage-lines.ts";
import { BILLING } from "./answers.ts";

/** A Wednesday. */
const NOW_MS = Date.UTC(2026, 0, 14, 15, 30);
const days = (of: string) => stepsOf(spanOf(of), NOW_MS).map((ms) => new Date(ms).toISOString().slice(0, 10));

describe("a span of usage", () => {
  it("has the ledger's steps: UTC days, weeks from Monday, calendar months, the newest first", () => {
    expect(days("")).toEqual([
      "2026-01-14",
      "2026-01-13",
      "2026-01-12",
      "2026-01-11",
      "2026-01-10",
      "2026-01-09",
      "2026-01-08",
    ]);
    expect(days("12w").slice(0, 3)).toEqual(["2026-01-12", "2026-01-05", "2025-12-29"]);
    expect(days("12m").slice(0, 3)).toEqual(["2026-01-01", "2025-12-01", "2025-11-01"]);
    expect(SPANS.map(({ name }) => days(name).length)).toEqual([7, 30, 12, 12]);
  });

  it("begins its week on the Monday before a Sunday", () => {
    const sunday = Date.UTC(2026, 0, 18, 23, 59);
    expect(new Date(stepsOf(spanOf("12w"), sunday)[0] ?? 0).toISOString()).toMatch(/^2026-01-12/);
  });

  it("is the usual one if the URL names none", () => {
    expect([spanOf(), spanOf("century")].map(({ name }) => name)).toEqual(["", ""]);
  });

  it("names its steps", () => {
    const text = (of: string, i: number) => stepText(spanOf(of), stepsOf(spanOf(of), NOW_MS)[i] ?? 0, NOW_MS);
    expect([text("", 0), text("", 1), text("12w", 2), text("12m", 0), text("12m", 1)]).toEqual([
      "Today",
      "13 Jan",
      "from 29 Dec 2025",
      "Jan 2026",
      "Dec 2025",
    ]);
  });
});

describe("usage", () => {
  const [today = 0, yesterday = 0] = stepsOf(spanOf(), NOW_MS);
  const row = (atMs: number, requests: number, more: object = {}) => ({
    period: new Date(atMs).toISOString(),
    requests,
    cost: 2 * requests,
    denied: 1,
    ...more,
  });
  const totals = [row(yesterday, 3), row(today, 4)];
  const byRoute = [
    row(yesterday, 3, { route: "/a" }),
    row(today, 1, { route: "/a", denied: 0 }),
    row(today, 3, { route: "", denied: 0 }),
  ];

  it("is summed over time and by route, the most tokens first", () => {
    const { columns, all, steps, routes } = usageLines([today, yesterday], totals, byRoute, 5);
    expect(columns.map(([, title]) => title)).toEqual(["Requests", "Tokens", "Denied"]);
    expect(all).toEqual({ requests: 7, cost: 14, denied: 2 });
    expect(steps).toEqual([
      { requests: 4, cost: 8, denied: 1 },
      { requests: 3, cost: 6, denied: 1 },
    ]);
    expect(routes).toEqual([
      ["/a", { requests: 4, cost: 8, denied: 1 }],
      ["No route", { requests: 3, cost: 6, denied: 0 }],
      ["Other routes", { requests: 0, cost: 0, denied: 1 }],
    ]);
  });

  it("has the rest of the exact total if routes are missing, and none if they are newer", () => {
    const rest = usageLines([today, yesterday], totals, byRoute, 1).routes;
    expect(rest.at(-1)).toEqual(["Other routes", { requests: 3, cost: 6, denied: 1 }]);
    const newer = usageLines([today], [row(today, 4)], [row(today, 5, { route: "/a" })], 5).routes;
    expect(newer.map(([name]) => name)).toEqual(["/a"]);
  });

  it("counts other units, exactly to a thousandth", () => {
    const units = (amount: number) => ({ units: { tokens: amount } });
    const { columns, all } = usageLines(
      [today],
      [row(today, 1, units(0.1)), row(today, 1, units(0.2))],
      [],
      5,
    );
    expect(columns.map(([, title]) => title)).toEqual(["Requests", "Charged", "tokens", "Denied"]);
    expect(all[":tokens"]).toBe(0.3);
  });
});

describe("a tier", () => {
  const PRO: PortalTier = {
    name: "pro",
    base: "99",
    included: 1_000_000,
    overage: "payg",
    price: "0.0005 each",
  };

  it("is said with its price, what it includes, and what is beyond", () => {
    expect(baseText("99", "EUR")).toBe("€99.00 a month");
    expect(baseText("0", "EUR")).toBe("No base fee");
    expect(includedText(PRO, "EUR")).toBe(
      "1,000,000 tokens a month included. More costs extra, in EUR: 0.0005 each.",
    );
    expect(includedText({ ...PRO, overage: "stop", price: null }, "EUR")).toBe(
      "1,000,000 tokens a month included. Requests stop there.",
    );
    expect(includedText({ ...PRO, included: null }, "EUR")).toBe("No monthly limit.");
  });

  it("is changed for a price that is said before: now, with the next invoice, and later", () => {
    const bill = (due: string) => ({ ...BILLING.accrued, due });
    const preview: TierPreview = {
      at: "now",
      effectiveAt: "2026-11-28T12:00:00.000Z",
      periodEnd: "2026-12-01T00:00:00.000Z",
      currency: "EUR",
      before: bill("20.00"),
      after: bill("41.23"),
      next: bill("99.00"),
    };
    const facts = (changed: Partial<TierPreview>) =>
      Object.fromEntries(previewFacts({ ...preview, ...changed }, Date.UTC(2026, 10, 28)));
    expect(facts({})).toEqual({
      Begins: "now",
      Now: "nothing to pay: it is billed when the period ends",
      "Next invoice": "€41.23 for the period until 30 Nov, instead of €20.00, if no usage follows",
      Later: "€99.00 a period, and usage",
    });
    expect(facts({ at: "period_end", effectiveAt: preview.periodEnd, after: bill("20.00") })).toMatchObject({
      Begins: "after 30 Nov",
      "Next invoice": "€20.00 for the period until 30 Nov, as before, if no usage follows",
    });
  });
});

/** The list of users, usage by route and day, and the audit trail in words. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { matchPath } from "../../dashboard/src/accounts/users-api.ts";
import { boundText, usersPath } from "../../dashboard/src/accounts/users-query.ts";
import type { AuditEntry, UserPage } from "../../dashboard/src/shell/answers.ts";
import { DAY_MS } from "../../dashboard/src/shell/durations.ts";
import { type Invoice, majorOf, parseInvoice } from "../../dashboard/src/billing/invoice-api.ts";
import { auditText } from "../../dashboard/src/user/audit-text.ts";
import { billRows } from "../../dashboard/src/user/bill-rows.ts";
import { stepsOf, stripeFault } from "../../dashboard/src/user/invoice-steps.ts";
import {
  costIn,
  unitMeasure,
  unitsOf,
  lastDays,
  MEASURES,
  type UsageLine,
  usageTable,
} from "../../dashboard/src/user/usage-table.ts";

describe("the query of the list of users", () => {
  const query = (params: Readonly<Record<string, string>>) =>
    Object.fromEntries(new URLSearchParams(usersPath(params).split("?")[1]));

  it("ranks by tokens over the last day unless the URL says otherwise", () => {
    expect(query({})).toEqual({ sort: "cost", last: "86400", limit: "50" });
    expect(query({ sort: "no such order", range: "nonsense" })).toEqual({
      sort: "cost",
      last: "86400",
      limit: "50",
    });
  });

  it("has the filters, the order, the range and the page of the URL", () => {
    const params = {
      name: "ann",
      tier: "pro",
      show: "blocked",
      sort: "lastSeen",
      range: "1h",
      cursor: "abc",
    };
    expect(query(params)).toEqual({
      search: "ann",
      tier: "pro",
      status: "blocked",
      sort: "lastSeen",
      last: "3600",
      limit: "50",
      cursor: "abc",
    });
    expect(query({ show: "active" })).toMatchObject({ kind: "account", status: "active" });
    expect(query({ show: "no-account" })).toMatchObject({ kind: "no-account" });
    const [from, to] = ["2026-11-29T00:00:00.000Z", "2026-11-30T00:00:00.000Z"];
    expect(query({ from, to })).toMatchObject({ from, to });
    expect(matchPath("a b&c", 8)).toBe("/api/v1/admin/users?search=a+b%26c&sort=match&limit=8");
  });
});

describe("the bound of the list", () => {
  const page = (usage: Partial<NonNullable<UserPage["usage"]>> | null): UserPage => ({
    users: [],
    cursor: null,
    usage: usage && {
      backend: "embedded",
      sampled: false,
      ranked: 10_000,
      isComplete: false,
      ...usage,
    },
  });

  it("is said if users are left out of the ranking or if there are no figures, and only then", () => {
    expect(boundText(page({}), false)).toBe(
      "Only the first 10,000 users of the range are ranked. The others follow by id, without figures. Choose a shorter range to rank all.",
    );
    expect(boundText(page({}), true)).toContain(
      "addresses of the range are ranked. The others are not listed.",
    );
    expect(boundText(page({ isComplete: true }), false)).toBeNull();
    expect(boundText(page(null), false)).toContain("Analytics is not responding");
  });
});

describe("usage by route and day", () => {
  const NOW_MS = Date.UTC(2026, 10, 30, 14);
  const days = lastDays(NOW_MS, 3);
  const row = (daysAgo: number, cost: number, route?: string) => ({
    period: new Date(days[daysAgo] ?? 0).toISOString(),
    cost,
    requests: 2 * cost,
    denied: 1,
    ...(route === undefined ? {} : { route }),
  });

  it("has the days of UTC, the newest first", () => {
    expect(days.map((ms) => new Date(ms).toISOString().slice(0, 10))).toEqual([
      "2026-11-30",
      "2026-11-29",
      "2026-11-28",
    ]);
  });

  it("begins with totals, then has the routes with most, and says what the others add up to", () => {
    const totals = [row(0, 10), row(1, 5.5)];
    const byRoute = [row(0, 6, "/a"), row(0, 3, "/b"), row(0, 1, "/c"), row(1, 5.5, "/b")];
    const table = usageTable(days, totals, byRoute, "cost", 2);
    expect(table.all.total).toEqual({ cost: 15.5, requests: 31, denied: 2 });
    expect(table.all.days.map(({ cost }) => cost)).toEqual([10, 5.5, 0]);
    expect(table.routes.map(({ route, total }) => [route, total.cost])).toEqual([
      ["/b", 8.5],
      ["/a", 6],
    ]);
    expect(table.others?.days.map(({ cost }) => cost)).toEqual([1, 0, 0]);
  });

  it("counts units, which no unit's name can confuse with the other figures", () => {
    const totals = [{ ...row(0, 3), units: { cost: 7, tokens: 5_000 } }];
    const byRoute = [
      { ...row(0, 2, "/a"), units: { tokens: 5_000 } },
      { ...row(0, 1, "/b"), units: { cost: 7 } },
    ];
    expect(unitsOf(totals)).toEqual(["cost", "tokens"]);
    const counted = [undefined, "requests", "tokens", "rows"].map(
      (unit) => totals[0] && costIn({ unit }, totals[0]),
    );
    expect(counted).toEqual([3, 3, 5_000, 0]);
    const { all, routes, others } = usageTable(days, totals, byRoute, unitMeasure("cost"), 1);
    expect(all.total).toMatchObject({ cost: 3, [unitMeasure("cost")]: 7, [unitMeasure("tokens")]: 5_000 });
    expect(routes.map(({ route }) => route)).toEqual(["/b"]);
    expect(others?.total).toMatchObject({
      cost: 2,
      [unitMeasure("cost")]: 0,
      [unitMeasure("tokens")]: 5_000,
    });
  });

  it("has no line for other routes if all are shown", () => {
    const { others, routes } = usageTable(days, [{ ...row(0, 5), denied: 1 }], [row(0, 5, "/a")], "cost", 8);
    expect([routes.length, others]).toEqual([1, null]);
  });

  it("adds up in every column, whatever the rows and however many routes are shown", () => {
    const cell = fc.record({
      daysAgo: fc.nat(2),
      route: fc.constantFrom("", "/a", "/b", "/c"),
      cost: fc.nat(5_000).map((milli) => milli / 1_000),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(cell, { selector: ({ daysAgo, route }) => `${daysAgo} ${route}` }),
        fc.nat(4),
        (cells, most) => {
          const byRoute = cells.map(({ daysAgo, route, cost }) => row(daysAgo, cost, route));
          const totals = days.map((day, i) => ({
            period: new Date(day).toISOString(),
            ...sum(byRoute.filter(({ period }) => period === row(i, 0).period)),
          }));
          const table = usageTable(days, totals, byRoute, "cost", most);
          const lines: UsageLine[] = [...table.routes, ...(table.others ? [table.others] : [])];
          for (const measure of MEASURES) {
            expect(sum(lines.map(({ total }) => total))[measure]).toBeCloseTo(table.all.total[measure], 6);
            for (const i of days.keys()) {
              const column = lines.flatMap((line) => line.days[i] ?? []);
              expect(sum(column)[measure]).toBeCloseTo(table.all.days[i]?.[measure] ?? Number.NaN, 6);
            }
          }
        },
      ),
    );
  });

  function sum(rows: readonly { cost: number; requests: number; denied: number }[]) {
    const of = (measure: (typeof MEASURES)[number]) => rows.reduce((all, each) => all + each[measure], 0);
    return { cost: of("cost"), requests: of("requests"), denied: of("denied") };
  }

  it("covers whole days", () => {
    expect(days.every((ms) => ms % DAY_MS === 0)).toBe(true);
  });
});

describe("an invoice", () => {
  it.each<[string, number, string]>([
    ["33499", 2, "334.99"],
    ["5", 2, "0.05"],
    ["-150", 2, "-1.50"],
    ["-5", 3, "-0.005"],
    ["120", 0, "120"],
    ["0", 2, "0.00"],
  ])("of %s minor units with %i decimals is written %s", (minor, exponent, major) => {
    expect(majorOf(minor, exponent)).toBe(major);
  });
});

describe("an invoice that waits for an operator at Stripe", () => {
  const invoice = (status: Invoice["status"], error: unknown, kind: Invoice["kind"] = "invoice") =>
    parseInvoice({
      id: "acme.20261001",
      number: "INV-000001",
      kind,
      status,
      period: { start: "2026-10-01T00:00:00.000Z", end: "2026-11-01T00:00:00.000Z" },
      currency: "EUR",
      total: "11.90",
      open: "11.90",
      dueAt: null,
      stripe: error === undefined ? null : { id: null, step: "customer", status: null, url: null, error },
    });
  const said = (of: Invoice | null) => of && [stripeFault(of), ...stepsOf(of)];

  it("says why, and can be tried again in each status; others cannot", () => {
    const rejected = { kind: "rejected", detail: "customer: email_invalid" };
    const words = "Stripe: rejected: customer: email_invalid";
    expect(said(invoice("issued", rejected))).toEqual([words, "stripe", "pay", "credit", "void", "lose"]);
    expect(said(invoice("void", { kind: "total_differs", detail: "5, not 6" }))).toEqual([
      "Stripe: total differs: 5, not 6",
      "stripe",
    ]);
    expect(said(invoice("paid", null))).toEqual(["", "credit"]);
    expect(said(invoice("paid", undefined))).toEqual(["", "credit"]);
    expect(said(invoice("issued", undefined, "credit_note"))).toEqual([""]);
  });
});

describe("bills side by side", () => {
  const bill = (lines: readonly (readonly [string, string])[], total: string, due = total) => ({
    lines: lines.map(([description, amount]) => ({ description, amount })),
    taxes: total === "0.00" ? [] : [{ name: "VAT", percent: "19", amount: "1.90" }],
    total,
    due,
  });
  const shown = (...bills: Parameters<typeof billRows>[0]) =>
    billRows(bills).map(({ name, amounts }) => [name, amounts].flat());

  it("share the lines of the same name, and keep each of several lines of one name", () => {
    const two = [
      ["fee", "5.00"],
      ["fee", "2.00"],
    ] as const;
    expect(
      shown(bill([["fee", "10.00"]], "11.90"), bill([...two, ["more", "3.00"]], "11.90"), bill([], "0.00")),
    ).toEqual([
      ["fee", "10.00", "5.00", null],
      ["fee", null, "2.00", null],
      ["more", null, "3.00", null],
      ["VAT 19 %", "1.90", "1.90", null],
      ["Total", "11.90", "11.90", "0.00"],
    ]);
  });

  it("say what is due if credits pay a part of any", () => {
    expect(shown(bill([], "11.90"), bill([], "11.90", "1.90")).at(-1)).toEqual([
      "Due after credits",
      "11.90",
      "1.90",
    ]);
  });
});

describe("a change of an account in words", () => {
  const entry = (action: string, before: unknown, after: unknown): AuditEntry => ({
    seq: 1,
    at: "2026-11-30T12:00:00.000Z",
    actor: "ops",
    reason: "",
    action,
    before,
    after,
  });
  const said = (action: string, before: unknown, after: unknown) => {
    const { title, lines } = auditText(entry(action, before, after), (iso) => iso.slice(0, 10));
    return [title, ...lines];
  };
  const account = { name: "", tier: "free", status: "active", limits: {} };
  const until = "2026-12-01T00:00:00.000Z";
  const credit = { amount: "50.00", left: "50.00", currency: "EUR", source: "ticket 7" };

  it.each<[string, unknown, unknown, string[]]>([
    [
      "account.create",
      null,
      { ...account, name: "Acme" },
      ["Created the account", "tier free", "name “Acme”"],
    ],
    ["account.change", account, { ...account, tier: "pro" }, ["Changed the tier", "free → pro"]],
    ["account.change", account, { ...account, status: "blocked" }, ["Blocked the user"]],
    ["portal.end", { links: 1, sessions: 3 }, null, ["Ended portal sessions", "links: 1, sessions: 3"]],
    ["portal.link", null, { id: "1f0c", until }, ["Made a portal link", "works once, until 2026-12-01"]],
    ["account.change", { ...account, status: "blocked" }, account, ["Unblocked the user"]],
    ["account.change", account, { ...account, name: "A" }, ["Renamed the account", "name “A”"]],
    [
      "account.change",
      account,
      { ...account, limits: { minute: { tokens: 200, burst: 300 } } },
      ["Changed overrides", "minute: 200, burst 300 instead of the tier's"],
    ],
    [
      "account.change",
      { ...account, limits: { minute: { tokens: 200 }, day: { amount: 5 } } },
      { ...account, limits: { minute: { tokens: 300 } } },
      ["Changed overrides", "minute: 200 → 300", "day: the tier's again, was 5"],
    ],
    [
      "account.change",
      account,
      { ...account, tier: "pro", status: "blocked" },
      ["Changed the account", "Blocked the user", "free → pro"],
    ],
    ["account.change", account, account, ["Changed nothing"]],
    [
      "account.grant",
      null,
      { limit: "minute", amount: 500, until },
      ["Raised a limit", "minute: +500 until 2026-12-01"],
    ],
    [
      "grant.revoke",
      { limit: "minute", amount: 5, until },
      null,
      ["Revoked a grant", "minute: +5 until 2026-12-01"],
    ],
    ["account.reset", null, { limits: ["day", "month"] }, ["Reset limits", "day, month full again"]],
    ["account.reset", null, { limits: "all" }, ["Reset limits", "all limits full again"]],
    [
      "account.delete",
      { ...account, status: "blocked" },
      null,
      ["Deleted the account", "tier free, blocked"],
    ],
    ["account.unblock", { status: "blocked" }, { status: "active" }, ["Lifted the block"]],
    [
      "key.create",
      null,
      { keyId: "7c49bc07-717d", name: "ci", scopes: ["call", "check"], expiresAt: until },
      ["Issued a key", "“ci” (7c49bc07) for call, check, until 2026-12-01"],
    ],
    [
      "key.rotate",
      { keyId: "aaaaaaaa-1", name: "", expiresAt: until },
      { keyId: "bbbbbbbb-2", name: "" },
      ["Rotated a key", "key aaaaaaaa → key bbbbbbbb", "the old one works until 2026-12-01"],
    ],
    ["key.revoke", { keyId: "aaaaaaaa-1", name: "ci" }, {}, ["Revoked a key", "“ci” (aaaaaaaa)"]],
    [
      "account.change",
      { ...account, pendingTier: null },
      { ...account, pendingTier: "pro" },
      ["Changed the next tier", "pro from the next period on"],
    ],
    [
      "billing.change",
      { customer: { name: "A" }, budget: null },
      { customer: { name: "A", country: "DE" }, budget: "50" },
      ["Changed billing", "budget: none → 50", "country: none → DE"],
    ],
    ["credit.add", null, credit, ["Gave a credit", "50.00 EUR for ticket 7"]],
    [
      "credit.remove",
      credit,
      { ...credit, left: "12.00" },
      ["Took back a credit", "for ticket 7", "left: 50.00 → 12.00"],
    ],
    [
      "invoice.issued",
      { status: "pending" },
      { status: "issued", id: "acme.20261001", number: "INV-000001", sha256: "6e" },
      ["Invoice: issued", "status: pending → issued", "number: none → INV-000001"],
    ],
    [
      "account.later",
      { a: 1, b: null },
      { a: 2, b: { c: 1 } },
      ["account.later", "a: 1 → 2", "b: none → c: 1"],
    ],
    [
      "invoice.stripe_retry",
      { step: "customer", error: { kind: "rejected", detail: "customer: Nope" } },
      { step: "customer", error: null },
      ["Invoice: stripe retry", "error: rejected: customer: Nope → none"],
    ],
    // The detail was erased.
    [
      "invoice.stripe_retry",
      { error: { kind: "not_configured", detail: "" } },
      { error: null },
      ["Invoice: stripe retry", "error: not configured → none"],
    ],
    [
      "invoice.adjust",
      { total: "10.00" },
      {
        total: "16.00",
        lines: [
          { description: "setup", amount: "5" },
          { description: "", amount: "1" },
        ],
      },
      [
        "Invoice: adjust",
        "total: 10.00 → 16.00",
        "lines: none → description: setup, amount: 5; description: none, amount: 1",
      ],
    ],
  ])("%s", (action, before, after, expected) => {
    expect(said(action, before, after)).toEqual(expected);
  });

  it("never fails, whatever the trail contains", () => {
    const actions = fc.constantFrom(
      "account.change",
      "account.grant",
      "key.create",
      "key.rotate",
      "account.reset",
      "other",
    );
    fc.assert(
      fc.property(actions, fc.anything(), fc.anything(), (action, before, after) => {
        const json: unknown[] = JSON.parse(
          JSON.stringify([before ?? null, after ?? null], (_key, value) =>
            typeof value === "bigint" ? 0 : value,
          ),
        );
        expect(said(action, json[0], json[1]).every((line) => typeof line === "string")).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

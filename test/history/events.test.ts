/** Events of an account: each change is reported once, in order, whatever crashes, and nothing is written if the policy reports none. */
import { describe, expect, it } from "vitest";
import { EVENT_KINDS } from "../../src/event-kinds.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { type BilledUser, OPERATOR, stopTime } from "./billed-user.ts";
import { account, invoices, policy, tier } from "./closed-user.ts";

stopTime();

const ALL: string[] = [...EVENT_KINDS];
/** A quota of 1000 that is never billed for more. */
const reporting = (events: string[] = ALL): PolicyDocument => ({
  ...policy("31", { reviewMinutes: 0 }),
  events,
});

const rowsOf = (user: BilledUser, table: string): number =>
  user.disk.exec(`SELECT * FROM ${table}`, []).length;
const of = (user: BilledUser, prefix: string): string[] =>
  user.kinds.filter((kind) => kind.startsWith(prefix));

/** Lets the object publish what it has queued. */
async function publish(user: BilledUser): Promise<void> {
  user.disk.flush();
  for (
    let rings = 0;
    rings < 20 && user.disk.exec("SELECT 1 FROM outbox WHERE lane = 'events'", []).length > 0;
    rings++
  ) {
    user.later(310_000);
    await user.object.alarm();
    user.disk.flush();
  }
}

describe("an account", () => {
  it("reports what happens to it, once and in order, under the policy's kinds", async () => {
    const user = await account(reporting(), { tierName: "nothing" });
    await user.object.changeAccount({ tier: "pro" }, OPERATOR, user.revision);
    await user.object.changeAccount({ status: "blocked" }, OPERATOR);
    await user.object.changeAccount({ status: "blocked", name: "Anna" }, OPERATOR);
    await user.object.changeAccount({ status: "active" }, OPERATOR);
    await user.object.deleteAccount(OPERATOR);
    await publish(user);
    expect(of(user, "account.")).toEqual([
      "account.created",
      "account.tier_changed",
      "account.blocked",
      "account.deleted",
    ]);
    expect(user.events[1]).toMatchObject({
      id: expect.stringMatching(/^evt_[0-9a-f]{32}$/),
      timestamp: "2026-01-01T00:00:00.000Z",
      data: { account: "ann", tier: "pro", before: "nothing" },
    });
    expect(new Set(user.events.map(({ id }) => id)).size).toBe(user.events.length);
    // An erasure cannot reach what has been delivered.
    expect(JSON.stringify(user.events)).not.toContain("Ann");
  });

  it("reports keys that are made, replaced and revoked, without their secrets", async () => {
    const user = await account(reporting(["key.created", "key.revoked"]));
    const keyId = await user.issueKey("live");
    await user.object.rotateKey({ oldKeyId: keyId, keyId: "k2", hash: "h2", graceMs: 0 }, OPERATOR);
    await user.object.revokeKey("k2", OPERATOR);
    await user.object.revokeKey("k2", OPERATOR);
    await publish(user);
    expect(user.kinds).toEqual(["key.created", "key.created", "key.revoked"]);
    expect(user.events[1]?.data).toMatchObject({ account: "ann", keyId: "k2", replaces: keyId });
    expect(JSON.stringify(user.events)).not.toContain("h2");
  });

  it("writes nothing for a policy that reports none, or only other kinds", async () => {
    const silent = policy("31", { reviewMinutes: 0, alerts: [50] });
    for (const document of [silent, { ...silent, events: [] }, { ...silent, events: ["policy.activated"] }]) {
      const user = await account(document);
      const statements: string[] = [];
      const { exec } = user.disk;
      user.disk.exec = (query, bindings) => {
        if (!query.startsWith("SELECT")) statements.push(`${query} ${String(bindings)}`);
        return exec.call(user.disk, query, bindings);
      };
      await user.issueKey("live");
      await user.use("/a", 60);
      await user.object.changeAccount({ tier: "nothing" }, OPERATOR, user.revision);
      await user.passUntil("2026-02-20T00:00:00Z");
      user.disk.exec = exec;
      expect(statements.filter((text) => /notices|events|evt_/.test(text))).toEqual([]);
      expect(rowsOf(user, "notices")).toBe(0);
      expect(user.events).toEqual([]);
    }
  });

  it("keeps its events in order while the desk is down, and loses none if it crashes", async () => {
    const user = await account(reporting(["account.created", "account.blocked", "key.created"]));
    user.isDeskDown = true;
    await user.issueKey("live");
    await user.object.changeAccount({ status: "blocked" }, OPERATOR);
    user.crash();
    await user.issueKey("live");
    user.crash();
    user.isDeskDown = false;
    await publish(user);
    expect(user.kinds).toEqual(["account.created", "key.created", "account.blocked", "key.created"]);
  });
});

describe("a denial", () => {
  it("is reported once an hour, across evictions, and never for an address or another kind of rejection", async () => {
    const document = { ...policy(), events: ["limit.denied"] };
    const user = await account({
      ...document,
      tiers: { ...document.tiers, pro: { limits: [{ name: "hour", kind: "quota", amount: 3, per: "day" }] } },
    });
    for (let i = 0; i < 6; i++) await user.use("/a", 1);
    user.crash();
    await user.use("/a", 1);
    await publish(user);
    expect(user.events.map(({ data }) => data)).toEqual([{ account: "ann", limits: ["hour"], tier: "pro" }]);
    user.later(3_600_000);
    await user.use("/a", 1);
    await user.use("/a", 1);
    await publish(user);
    expect(user.kinds).toEqual(["limit.denied", "limit.denied"]);
    expect(rowsOf(user, "notices")).toBe(1);
    user.later(3_600_000);
    await user.object.changeAccount({ status: "blocked" }, OPERATOR);
    expect(await user.use("/a", 1)).toBe(false);
    await publish(user);
    expect(user.kinds).toHaveLength(2);
  });
});

describe("a key that expires", () => {
  it("is reported seven days before, or halfway through a short life, once", async () => {
    const user = await account(reporting(["key.expiring"]));
    const day = 86_400_000;
    const add = (keyId: string, expiresMs: number | null) =>
      user.object.addKey({ keyId, hash: keyId, name: "", scopes: ["call"], expiresMs }, OPERATOR);
    await add("long", user.nowMs + 30 * day);
    await add("short", user.nowMs + 4 * day);
    await add("never", null);
    await add("revoked", user.nowMs + 20 * day);
    await user.object.revokeKey("revoked", OPERATOR);
    user.disk.flush();
    const at: [string, unknown][] = [];
    await user.passUntil("2026-03-01T00:00:00Z", () => {
      for (const event of user.events.slice(at.length))
        at.push([event.timestamp.slice(0, 10), event.data["keyId"]]);
    });
    expect(at).toEqual([
      ["2026-01-03", "short"],
      ["2026-01-24", "long"],
    ]);
  });

  it("sets no alarm and writes no row if the policy does not report it", async () => {
    const user = await account({
      ...policy(),
      tiers: { free: { limits: [] }, pro: { limits: [] } },
      billing: undefined!,
    });
    const expiresMs = user.nowMs + 30 * 86_400_000;
    await user.object.addKey({ keyId: "k", hash: "k", name: "", scopes: ["call"], expiresMs }, OPERATOR);
    user.disk.flush();
    await user.passUntil("2026-01-02T00:00:00Z");
    expect(user.disk.alarmMs).toBeNull();
    expect(rowsOf(user, "notices")).toBe(0);
  });
});

describe("an invoice", () => {
  it("reports each status that it comes to have, and its credit notes", async () => {
    const user = await account(reporting());
    await user.use("/a", 150);
    await user.passUntil("2026-03-20T00:00:00Z");
    const [first, second] = invoices(user).map(({ document }) => document.id);
    if (!first || !second) throw new Error("two periods have ended");
    await user.object.payInvoice(first, OPERATOR);
    await user.object.creditInvoice(second, [{ line: 0, amount: "1.00" }], OPERATOR);
    await user.object.endInvoice(second, "void", OPERATOR);
    await user.passUntil("2026-03-21T00:00:00Z");
    await publish(user);
    const told = user.events
      .filter(({ type }) => /^invoice|^credit_note/.test(type))
      .map(({ type, data }) => [type, data["invoice"], data["number"]]);
    expect(told).toEqual([
      ["invoice.drafted", first, null],
      ["invoice.issued", first, "INV-000001"],
      ["invoice.past_due", first, "INV-000001"],
      ["invoice.drafted", second, null],
      ["invoice.issued", second, "INV-000002"],
      ["invoice.past_due", second, "INV-000002"],
      ["invoice.paid", first, "INV-000001"],
      ["credit_note.issued", second, expect.stringMatching(/^INV-CN-/)],
      ["invoice.voided", second, "INV-000002"],
    ]);
    expect(user.events.find(({ type }) => type === "invoice.issued")?.data).toMatchObject({
      account: "ann",
      status: "issued",
      currency: "USD",
      total: "31.50",
      periodStart: "2026-01-01T00:00:00.000Z",
    });
  });

  it("is reported once each, whichever alarm the object dies after", async () => {
    const expected = ["invoice.drafted", "invoice.issued", "invoice.past_due"];
    for (let dies = 0; dies < 8; dies++) {
      const user = await account(reporting(["invoice.drafted", "invoice.issued", "invoice.past_due"]));
      let rings = 0;
      await user.passUntil("2026-02-25T00:00:00Z", () => {
        if (rings++ === dies) user.crash();
      });
      await publish(user);
      expect(user.kinds).toEqual(expected);
    }
  });
});

describe("a credit", () => {
  it("is reported when it is given, once for its source, and when it has expired with something left", async () => {
    const user = await account(reporting(["credit.granted", "credit.expired"]));
    const credit = {
      id: "c1",
      kind: "promotional" as const,
      amount: "50.00",
      currency: null,
      effectiveMs: null,
      expiresMs: Date.parse("2026-01-20T00:00:00Z"),
      source: "autumn",
    };
    await user.object.addCredit(credit, user.revision, OPERATOR);
    await user.object.addCredit({ ...credit, id: "c2" }, user.revision, OPERATOR);
    await user.passUntil("2026-04-20T00:00:00Z");
    await publish(user);
    expect(user.events.map(({ type, data }) => [type, data["creditId"], data["left"]])).toEqual([
      ["credit.granted", "c1", "50.00"],
      ["credit.expired", "c1", "19.00"],
    ]);
  });
});

it("reports a tier that changes at the end of a period", async () => {
  const user = await account({
    ...reporting(["account.tier_changed"]),
    tiers: { free: { limits: [] }, pro: tier("31"), small: tier("5") },
  });
  await user.object.changeTier({ tier: "small", at: "period_end" }, user.revision, OPERATOR);
  await publish(user);
  expect(user.kinds).toEqual([]);
  await user.passUntil("2026-02-02T00:00:00Z");
  await publish(user);
  expect(user.events.map(({ data }) => [data["before"], data["tier"]])).toEqual([["pro", "small"]]);
});

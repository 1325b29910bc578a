/** Accounts that are deleted, and the trail that every change leaves behind. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { directoryOf } from "../../src/limiter/directory.ts";
import { later, startClock, stopClock } from "../durable-objects/fixture.ts";
import type { Operator } from "../fixtures/control-operator.ts";
import { customerOf, newCustomer, start } from "../fixtures/control-start.ts";

// Many calls one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

/** The ids that the list has by this name. */
async function listed(operator: Operator, name: string): Promise<string[]> {
  const { accounts } = await operator.get("accounts", `/accounts?name=${name}`);
  return accounts.map(({ id }) => id);
}

describe("an account that is deleted", () => {
  it("is gone with its next request: keys, list, and all that could be done with it", async () => {
    const started = await start();
    const { operator } = started;
    const { id, keyId, call, headers } = await newCustomer(started);
    expect(await call()).toEqual([200]);
    const deleted = await operator.send("DELETE", `/accounts/${id}?reason=fraud`);
    expect([deleted.status, await deleted.text()]).toEqual([204, ""]);
    expect(await call()).toEqual([401]);
    expect((await started.edge.request("/api/v1/rate-limit/status", { headers })).status).toBe(401);
    expect(await listed(operator, id)).toEqual([]);
    const actions: [method: string, path: string, body?: object][] = [
      ["GET", ""],
      ["PATCH", "", { tier: "pro" }],
      ["DELETE", ""],
      ["GET", "/keys"],
      ["POST", "/keys", {}],
      ["POST", `/keys/${keyId}/rotate`, {}],
      ["DELETE", `/keys/${keyId}`],
      ["POST", "/reset", {}],
      ["POST", "/grants", { limit: "day", amount: 1, until: new Date(Date.now() + 1_000).toISOString() }],
    ];
    for (const [method, path, body] of actions) {
      expect(await operator.refusal(method, `/accounts/${id}${path}`, body), `${method} ${path}`).toBe("404");
    }
  });

  it("leaves its ledger and its audit trail, which say who deleted it and why", async () => {
    const started = await start();
    const { operator } = started;
    const { id, call } = await newCustomer(started);
    await call(3);
    await operator.send("DELETE", `/accounts/${id}?reason=fraud`);
    expect((await operator.get("usage", `/accounts/${id}/usage`)).usage).toMatchObject([
      { requests: 3, cost: 3 },
    ]);
    expect((await operator.get("audit", `/accounts/${id}/audit`)).entries[0]).toMatchObject({
      action: "account.delete",
      actor: "admin-token",
      reason: "fraud",
      before: { tier: "free", status: "active" },
      after: null,
    });
  });

  it("can be made again: what was used stays used, old keys stay dead, grants and own numbers are gone", async () => {
    const started = await start();
    const { operator } = started;
    const old = await newCustomer(started);
    await old.call(4);
    const until = new Date(Date.now() + 3_600_000).toISOString();
    await operator.do("grant", "POST", `/accounts/${old.id}/grants`, { limit: "day", amount: 90, until });
    await operator.do("account", "PATCH", `/accounts/${old.id}`, {
      status: "blocked",
      limits: { day: { burst: 80 } },
    });
    await operator.send("DELETE", `/accounts/${old.id}`);
    const created = await operator.createAccount(old.id);
    expect(created).toMatchObject({ status: "active", limits: {}, grants: [] });
    const anew = await customerOf(started, old.id);
    expect(await anew.left()).toEqual({ day: 1, month: 16 });
    expect(await anew.call(2)).toEqual([200, 429]);
    expect(await old.call()).toEqual([401]);
    expect(await listed(operator, old.id)).toEqual([old.id]);
  });

  it("stays gone from the list, though an older word of it comes late", async () => {
    const started = await start();
    const { operator } = started;
    const { id } = await newCustomer(started);
    const [entry] = (await operator.get("accounts", `/accounts?name=${id}`)).accounts;
    await operator.send("DELETE", `/accounts/${id}`);
    const late = {
      id,
      name: "",
      tier: "free",
      status: "active",
      createdMs: 1,
      updatedMs: 1,
      version: 1,
    } as const;
    await directoryOf(env.ACCOUNT_DIRECTORY).put(id, late, entry?.version ?? 1);
    expect(await listed(operator, id)).toEqual([]);
  });
});

describe("the audit trail", () => {
  it("has every change, newest first: when, who, why, what before and after; page by page, over a restart", async () => {
    const started = await start();
    const { operator } = started;
    const id = "audited";
    await operator.createAccount(id, { reason: "signed up" });
    const steps: [method: string, path: string, body?: object][] = [
      ["PATCH", "", { tier: "pro", reason: "upgraded" }],
      ["PATCH", "", { limits: { day: { burst: 9 } }, reason: "special" }],
      ["POST", "/grants", { limit: "day", amount: 3, until: "2100-12-01T00:00:00Z", reason: "sorry" }],
      ["POST", "/reset", { limits: ["day"], reason: "our fault" }],
      ["PATCH", "", { status: "blocked", reason: "abuse" }],
      ["DELETE", "?reason=left"],
    ];
    for (const [method, path, body] of steps) {
      later(60_000);
      expect((await operator.send(method, `/accounts/${id}${path}`, body)).ok, path).toBe(true);
    }
    await evictDurableObject(env.USER_LIMITER.getByName(`user:${id}`));
    const pages = await operator.pages("audit", `/accounts/${id}/audit?limit=3`);
    expect(pages.map(({ entries }) => entries.length)).toEqual([3, 3, 1]);
    const entries = pages.flatMap((page) => page.entries);
    const free = { name: "", tier: "free", status: "active", limits: {} };
    const pro = { ...free, tier: "pro" };
    const special = { ...pro, limits: { day: { burst: 9 } } };
    expect(
      entries.map(({ action, reason, before, after }) => ({ action, reason, before, after })),
    ).toMatchObject([
      { action: "account.delete", reason: "left", before: { ...special, status: "blocked" }, after: null },
      {
        action: "account.change",
        reason: "abuse",
        before: special,
        after: { ...special, status: "blocked" },
      },
      { action: "account.reset", reason: "our fault", before: null, after: { limits: ["day"] } },
      {
        action: "account.grant",
        reason: "sorry",
        before: null,
        after: { limit: "day", amount: 3, until: "2100-12-01T00:00:00.000Z" },
      },
      { action: "account.change", reason: "special", before: pro, after: special },
      { action: "account.change", reason: "upgraded", before: free, after: pro },
      { action: "account.create", reason: "signed up", before: null, after: free },
    ]);
    const ends = Date.now();
    expect(entries.map(({ at }) => Date.parse(at))).toEqual(entries.map((_, i) => ends - i * 60_000));
    expect(new Set(entries.map(({ actor }) => actor))).toEqual(new Set(["admin-token"]));
  });

  it("says nothing of what was refused", async () => {
    const { operator } = await start();
    await operator.createAccount("quiet");
    await operator.send("PATCH", "/accounts/quiet", { tier: "gold" });
    await operator.send("PATCH", "/accounts/quiet", { limits: { nothing: {} } });
    await operator.send("POST", "/accounts", { id: "quiet" });
    await operator.send("POST", "/accounts/quiet/reset", { limits: ["nothing"] });
    expect((await operator.get("audit", "/accounts/quiet/audit")).entries).toHaveLength(1);
  });

  it("is 404 for whom nobody ever heard of: a mistyped id is not an innocent one", async () => {
    const { operator } = await start();
    expect(await operator.refusal("GET", "/accounts/nobody/audit")).toBe("404");
    expect(await operator.refusal("GET", "/accounts/nobody/usage")).toBe("404");
  });

  it.each(["limit=101", "cursor=!", "cursor=YQ", "cursor=LTE", "before=1"])(
    "is refused by %s",
    async (query) => {
      const { operator } = await start();
      await operator.send("POST", "/accounts", { id: "asked" });
      expect(await operator.refusal("GET", `/accounts/asked/audit?${query}`)).toMatch(
        /^400 \/(limit|cursor|before)$/,
      );
    },
  );
});

/** Deletion of accounts, and the audit trail of every change. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { directoryOf } from "../../src/objects/account-directory.ts";
import { later, startClock, stopClock } from "../durable-objects/fixture.ts";
import type { Operator } from "../fixtures/control-operator.ts";
import { type Customer, customerOf, newCustomer, start, type Started } from "../fixtures/control-start.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

/** The ids in the list filtered by this name. */
async function listed(operator: Operator, name: string): Promise<string[]> {
  const { accounts } = await operator.get("accounts", `/accounts?name=${name}`);
  return accounts.map(({ id }) => id);
}

describe("a deleted account", () => {
  it("is gone with the next request: its keys, its entry in the list, and every operation on it", async () => {
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
      ["POST", "/grants", { limit: "day", amount: 1, until: new Date(Date.now() + 60_000).toISOString() }],
    ];
    for (const [method, path, body] of actions) {
      expect(await operator.rejection(method, `/accounts/${id}${path}`, body), `${method} ${path}`).toBe(
        "404",
      );
    }
  });

  it("leaves its ledger and its audit trail, which says who deleted it and why", async () => {
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

  it("can be created again: what was used stays used, old keys stay invalid, grants and overrides are gone", async () => {
    const started = await start();
    const { operator } = started;
    const old = await newCustomer(started);
    await old.call(4);
    const until = new Date(Date.now() + 3_600_000).toISOString();
    await operator.do("grant", "POST", `/accounts/${old.id}/grants`, { limit: "day", amount: 90, until });
    await operator.do("changedAccount", "PATCH", `/accounts/${old.id}`, { limits: { day: { burst: 80 } } });
    await operator.send("DELETE", `/accounts/${old.id}`);
    const created = await operator.createAccount(old.id);
    expect(created).toMatchObject({ status: "active", limits: {}, grants: [] });
    expect(created.inherited).toEqual({ blocked: false, usage: true, limits: ["day", "month"], audit: true });
    const anew = await customerOf(started, old.id);
    expect(await anew.left()).toEqual({ day: 1, month: 16 });
    expect(await anew.call(2)).toEqual([200, 429]);
    expect(await old.call()).toEqual([401]);
    expect(await listed(operator, old.id)).toEqual([old.id]);
  });

  it("stays out of the list even if an older update arrives late", async () => {
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

describe("the block of a deleted account", () => {
  const JWT = {
    JWT_ALGORITHM: "HS256",
    JWT_SECRET: "s".repeat(32),
    JWT_ISSUER: "https://i.test",
    JWT_AUDIENCE: "a",
  };

  /** What the user gets with a token and through the decision API, and what the status says. */
  async function standing({ edge, operator }: Started, id: string): Promise<string> {
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: "HS256" })
      .setSubject(id)
      .setIssuer(JWT.JWT_ISSUER)
      .setAudience(JWT.JWT_AUDIENCE)
      .setExpirationTime(Math.floor(Date.now() / 1_000) + 3_600)
      .sign(new TextEncoder().encode(JWT.JWT_SECRET));
    const call = await edge.request("/identify", { headers: { Authorization: `Bearer ${token}` } });
    await operator.send("POST", "/accounts", { id: "asking" });
    const { key } = await operator.issueKey("asking", { scopes: ["check"] });
    const check = await edge.request("/api/v1/rate-limit/check", {
      method: "POST",
      headers: { "X-API-Key": key },
      body: JSON.stringify({ user: id }),
    });
    const { outcome } = await check.json<{ outcome: string }>();
    const status = await operator.send("GET", `/accounts/${id}/status`);
    return `${call.status} ${outcome} ${(await status.json<{ status: string }>()).status}`;
  }

  async function startBlocked(): Promise<Started & { customer: Customer; path: string }> {
    const started = await start({ bindings: JWT });
    const customer = await newCustomer(started);
    const path = `/accounts/${customer.id}`;
    await started.operator.do("changedAccount", "PATCH", path, { status: "blocked" });
    await started.operator.send("DELETE", `${path}?reason=fraud`);
    return { ...started, customer, path };
  }
  const marks = (operator: Operator, id: string) =>
    operator.get("accounts", `/accounts?deleted=true&name=${id}`);

  it("survives the deletion, also for tokens and across a restart, and is listed", async () => {
    const started = await startBlocked();
    const { operator, customer } = started;
    expect(await standing(started, customer.id)).toBe("403 blocked blocked");
    await evictDurableObject(env.USER_LIMITER.getByName(`user:${customer.id}`));
    expect(await standing(started, customer.id)).toBe("403 blocked blocked");
    expect(await customer.call()).toEqual([401]);
    expect(await listed(operator, customer.id)).toEqual([]);
    expect((await marks(operator, customer.id)).accounts).toMatchObject([
      { id: customer.id, status: "blocked" },
    ]);
    // Accounts deleted without a block leave no marks.
    const other = await newCustomer(started);
    await operator.send("DELETE", `/accounts/${other.id}`);
    expect((await marks(operator, other.id)).accounts).toEqual([]);
    expect(await standing(started, other.id)).toBe("200 allowed active");
  });

  it("applies to a new account of the id, which says so, until that is unblocked", async () => {
    const started = await startBlocked();
    const { operator, customer, path } = started;
    const created = await operator.createAccount(customer.id, { tier: "pro" });
    expect(created).toMatchObject({ status: "blocked", inherited: { blocked: true, audit: true } });
    expect((await marks(operator, customer.id)).accounts).toEqual([]);
    const anew = await customerOf(started, customer.id);
    expect(await anew.call()).toEqual([403]);
    await operator.do("changedAccount", "PATCH", path, { status: "active" });
    expect(await anew.call()).toEqual([200]);
    // Deleted and created again while not blocked, it is not blocked.
    await operator.send("DELETE", path);
    expect((await operator.createAccount(customer.id)).status).toBe("active");
  });

  it("is lifted without an account by unblock=true, even later, and the audit trail says so", async () => {
    const started = await startBlocked();
    const { operator, customer, path } = started;
    expect(await operator.rejection("DELETE", path)).toBe("404");
    expect(await operator.rejection("DELETE", `${path}?unblock=yes`)).toBe("400 /unblock");
    expect((await operator.send("DELETE", `${path}?unblock=true&reason=sorry`)).status).toBe(204);
    expect(await standing(started, customer.id)).toBe("200 allowed active");
    expect((await marks(operator, customer.id)).accounts).toEqual([]);
    expect((await operator.get("audit", `${path}/audit`)).entries[0]).toMatchObject({
      action: "account.unblock",
      reason: "sorry",
      before: { status: "blocked" },
      after: { status: "active" },
    });
    // Nothing is left to lift; neither is there for an unknown id.
    expect(await operator.rejection("DELETE", `${path}?unblock=true`)).toBe("404");
    expect(await operator.rejection("DELETE", "/accounts/unheard-of?unblock=true")).toBe("404");
    // Together with the deletion.
    await operator.createAccount(customer.id);
    await operator.do("changedAccount", "PATCH", path, { status: "blocked" });
    expect((await operator.send("DELETE", `${path}?unblock=true`)).status).toBe(204);
    expect(await standing(started, customer.id)).toBe("200 allowed active");
  });

  it("is still listed after the directory is rebuilt", async () => {
    const { operator, customer } = await startBlocked();
    let cursor: string | null = null;
    do {
      const query: string = cursor === null ? "reset=true" : `cursor=${cursor}`;
      ({ cursor } = await operator.do("rebuild", "POST", `/directory/rebuild?${query}`));
    } while (cursor !== null);
    expect((await marks(operator, customer.id)).accounts).toMatchObject([{ id: customer.id }]);
    expect(await listed(operator, customer.id)).toEqual([]);
  });
});

describe("a new account", () => {
  it("lists the limits it inherits, without those that are full again, and a reset clears them", async () => {
    const started = await start();
    const { operator } = started;
    const { id, call } = await newCustomer(started);
    await call(3);
    await operator.send("DELETE", `/accounts/${id}`);
    // The bucket refills one token a day; the quota of this month has ended by then.
    later(40 * 86_400_000);
    expect((await operator.createAccount(id)).inherited).toEqual({
      blocked: false,
      usage: true,
      limits: [],
      audit: true,
    });
    const anew = await customerOf(started, id);
    await anew.call(1);
    await anew.call(1, "/refresh");
    await operator.send("DELETE", `/accounts/${id}`);
    expect((await operator.createAccount(id)).inherited?.limits.toSorted()).toEqual([
      "day",
      "month",
      "refresh",
    ]);
    await operator.do("account", "POST", `/accounts/${id}/reset`, {});
    await operator.send("DELETE", `/accounts/${id}`);
    expect((await operator.createAccount(id)).inherited).toMatchObject({ limits: [] });
  });

  it("inherits nothing if the id is unknown, even if its status was read", async () => {
    const { operator } = await start();
    await operator.send("GET", "/accounts/unheard-of-2/status");
    expect((await operator.createAccount("unheard-of-2")).inherited).toBeNull();
  });
});

describe("the audit trail", () => {
  it("contains every change, newest first, with time, actor, reason, before and after; in pages, across a restart", async () => {
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

  it("contains no rejected change", async () => {
    const { operator } = await start();
    await operator.createAccount("quiet");
    await operator.send("PATCH", "/accounts/quiet", { tier: "gold" });
    await operator.send("PATCH", "/accounts/quiet", { limits: { nothing: {} } });
    await operator.send("POST", "/accounts", { id: "quiet" });
    await operator.send("POST", "/accounts/quiet/reset", { limits: ["nothing"] });
    expect((await operator.get("audit", "/accounts/quiet/audit")).entries).toHaveLength(1);
  });

  it("is 404 for an unknown id, so that a mistyped id does not look like one without changes", async () => {
    const { operator } = await start();
    expect(await operator.rejection("GET", "/accounts/nobody/audit")).toBe("404");
    expect(await operator.rejection("GET", "/accounts/nobody/usage")).toBe("404");
  });

  it.each(["limit=101", "cursor=!", "cursor=YQ", "cursor=LTE", "before=1"])(
    "is rejected with %s",
    async (query) => {
      const { operator } = await start();
      await operator.send("POST", "/accounts", { id: "asked" });
      expect(await operator.rejection("GET", `/accounts/asked/audit?${query}`)).toMatch(
        /^400 \/(limit|cursor|before)$/,
      );
    },
  );
});

/** Erasure of a user's personal data by the admin API: from the object, KV, the directory, the hub, and what the API still answers. */
import { listDurableObjectIds, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { later, startClock, stopClock } from "../durable-objects/fixture.ts";
import { type Customer, customerOf, newCustomer, start, type Started } from "../fixtures/control-start.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

const NAME = "Hedwig Blocksberg";
const REASON = "Hedwig moved";

/** A user with texts in every field that takes one. */
async function hedwig(started: Started): Promise<Customer> {
  const { id } = await newCustomer(started);
  const { operator } = started;
  await operator.do("changedAccount", "PATCH", `/accounts/${id}`, { name: NAME, reason: REASON });
  const customer = await customerOf(started, id, { name: `${NAME}'s laptop`, reason: REASON });
  const until = new Date(Date.now() + 3_600_000).toISOString();
  await operator.do("grant", "POST", `/accounts/${id}/grants`, {
    limit: "day",
    amount: 9,
    until,
    reason: REASON,
  });
  expect(await customer.call(2)).toEqual([200, 200]);
  await started.edge.backgroundDone();
  return customer;
}

const erase = ({ operator }: Started, id: string, query = "") =>
  operator.do("erasure", "DELETE", `/accounts/${id}?erase=true&reason=${encodeURIComponent(REASON)}${query}`);

/** All rows of an object as text. */
function rowsOf<T extends Rpc.DurableObjectBranded>(stub: DurableObjectStub<T>): Promise<string> {
  return runInDurableObject(stub, (_object, { storage: { sql } }) =>
    sql
      .exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf%' ESCAPE '\\'")
      .toArray()
      .map(({ name }) => JSON.stringify(sql.exec(`SELECT * FROM "${String(name)}"`).toArray()))
      .join("\n"),
  );
}

async function requestsOf({ operator }: Started, id: string): Promise<unknown> {
  const report: { totals: { requests: number } } = await (
    await operator.send("GET", `/reports/user?account=${id}`)
  ).json();
  return report.totals.requests;
}

describe("an erased user", () => {
  it("is found nowhere by name, and only the ledger is left of them", async () => {
    const started = await start();
    const { operator } = started;
    const { id, keyId, call } = await hedwig(started);
    const [stub, directory] = [
      env.USER_LIMITER.getByName(`user:${id}`),
      env.ACCOUNT_DIRECTORY.getByName("directory"),
    ];
    expect(await rowsOf(stub)).toMatch(/Hedwig/);
    expect(await rowsOf(directory)).toMatch(/Hedwig/);
    expect(await requestsOf(started, id)).toBe(2);
    const usage = await operator.get("usage", `/accounts/${id}/usage`);

    expect(await erase(started, id)).toEqual({ id, erasedAt: expect.any(String), pending: ["points"] });

    expect(await call()).toEqual([401]);
    expect(await rowsOf(stub)).not.toMatch(/Hedwig/i);
    expect(await rowsOf(directory)).not.toMatch(/Hedwig/i);
    const { keys } = await env.CONFIG.list();
    const values = await Promise.all(keys.map(({ name }) => env.CONFIG.get(name)));
    expect(values.join()).not.toMatch(/Hedwig/i);
    expect(values.filter((value) => value?.includes(keyId))).toEqual([]);
    expect(await requestsOf(started, id)).toBe(0);
    expect(await operator.get("usage", `/accounts/${id}/usage`)).toEqual(usage);
  });

  it("keeps an audit trail of who did what when, with the numbers and without the texts", async () => {
    const started = await start();
    const { operator } = started;
    const { id, keyId } = await hedwig(started);
    await erase(started, id);
    const { entries } = await operator.get("audit", `/accounts/${id}/audit`);
    expect(entries.map(({ action }) => action).toReversed()).toEqual([
      "account.create",
      "key.create",
      "account.change",
      "key.create",
      "account.grant",
      "account.delete",
      "account.erase",
    ]);
    expect(new Set(entries.map(({ reason, actor }) => [reason, actor].join()))).toEqual(
      new Set([",admin-token"]),
    );
    expect(JSON.stringify(entries)).not.toMatch(/Hedwig/);
    const of = (action: string) => entries.find((entry) => entry.action === action)?.after;
    expect(of("key.create")).toEqual({ keyId, scopes: ["call"], expiresAt: null, revokedAt: null });
    expect(of("account.grant")).toMatchObject({ limit: "day", amount: 9 });
    expect(of("account.change")).toEqual({ tier: "free", status: "active", limits: {} });
  });

  it("is erased once: a second call, also with the same Idempotency-Key, changes nothing", async () => {
    const started = await start();
    const { id } = await hedwig(started);
    const path = `/accounts/${id}?erase=true`;
    const key = { "Idempotency-Key": crypto.randomUUID() };
    const first = await started.operator.do("erasure", "DELETE", path, undefined, key);
    const before = await rowsOf(env.USER_LIMITER.getByName(`user:${id}`));
    later(5_000);
    expect(await started.operator.do("erasure", "DELETE", path, undefined, key)).toEqual(first);
    expect(await erase(started, id)).toEqual(first);
    expect(await rowsOf(env.USER_LIMITER.getByName(`user:${id}`))).toBe(before);
    const other = `/accounts/${id}?erase=true&unblock=true`;
    expect(await started.operator.rejection("DELETE", other, undefined, key)).toBe("422");
  });

  it("may have been deleted before, and still be blocked: the block stays, and can be lifted later", async () => {
    const started = await start();
    const { operator } = started;
    const { id } = await hedwig(started);
    await operator.do("changedAccount", "PATCH", `/accounts/${id}`, { status: "blocked" });
    expect((await operator.send("DELETE", `/accounts/${id}`)).status).toBe(204);
    expect(await rowsOf(env.ACCOUNT_DIRECTORY.getByName("directory"))).toMatch(/Hedwig/);
    await erase(started, id);
    expect(await rowsOf(env.ACCOUNT_DIRECTORY.getByName("directory"))).not.toMatch(/Hedwig/i);
    const { users } = await operator.get("users", `/users?search=${id}`);
    expect(users).toMatchObject([{ id, status: "blocked", account: null }]);
    await erase(started, id, "&unblock=true");
    expect((await operator.get("users", `/users?search=${id}`)).users).toEqual([]);
  });

  it("may have had no account, but requests", async () => {
    const started = await start();
    const service = await newCustomer(started);
    const check = await customerOf(started, service.id, { scopes: ["check"] });
    const user = `token-${crypto.randomUUID()}`;
    const headers = { ...check.headers, "Content-Type": "application/json" };
    const body = JSON.stringify({ user, cost: 1 });
    const response = await started.edge.request("/api/v1/rate-limit/check", {
      method: "POST",
      headers,
      body,
    });
    expect(response.status).toBe(200);
    await started.edge.backgroundDone();
    expect(await requestsOf(started, user)).toBe(1);
    await erase(started, user);
    expect(await requestsOf(started, user)).toBe(0);
    expect(await requestsOf(started, service.id)).toBe(0);
  });

  it("must be known: 404, and no object is left behind with tables", async () => {
    const started = await start();
    expect(await started.operator.rejection("DELETE", "/accounts/nobody-knows?erase=true")).toBe("404");
    expect(await rowsOf(env.USER_LIMITER.getByName("user:nobody-knows"))).toBe("");
    expect(await listDurableObjectIds(env.USER_LIMITER)).not.toEqual([]);
  });

  it.each(["erase=false", "erase=", "erase=1"])("is not erased by %s", async (query) => {
    const started = await start();
    const { id } = await hedwig(started);
    expect(await started.operator.rejection("DELETE", `/accounts/${id}?${query}`)).toBe("400 /erase");
    expect((await started.operator.get("account", `/accounts/${id}`)).name).toBe(NAME);
  });

  it("leaves other users' points, also those in the same chunk", async () => {
    const started = await start();
    const [one, other] = [await hedwig(started), await hedwig(started)];
    await erase(started, one.id);
    expect(await requestsOf(started, one.id)).toBe(0);
    expect(await requestsOf(started, other.id)).toBe(2);
    expect(await other.call()).toEqual([200]);
    await started.edge.backgroundDone();
    expect(await requestsOf(started, other.id)).toBe(3);
  });
});

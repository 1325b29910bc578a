/**
 * The end of a key: rotated, revoked, or expired and forgotten. The account's own object decides, whatever KV still says.
 */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hashApiKey } from "../../src/identity/api-key.ts";
import { keyRecordKey } from "../../src/identity/key-store.ts";
import { later, START_MS, startClock, stopClock } from "../durable-objects/fixture.ts";
import { DAY_MS } from "../../src/core/time.ts";
import { startWithAccount, statusesOf } from "../fixtures/control-keys.ts";
import { newCustomer, start, type Started } from "../fixtures/control-start.ts";
import { breakKvWrites } from "../fixtures/control-outages.ts";
import { startEdge } from "../fixtures/edge-app.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

/** Makes KV keep its current record of this key, like a location that has it cached. */
async function freezeRecord(key: string): Promise<() => Promise<void>> {
  const name = keyRecordKey(await hashApiKey(key));
  const record = await env.CONFIG.get(name);
  if (record === null) throw new Error("KV does not know the key");
  return () => env.CONFIG.put(name, record);
}

async function callsWith({ edge }: Started, key: string, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < count; i++) {
    statuses.push((await edge.request("/identify", { headers: { "X-API-Key": key } })).status);
  }
  return statuses;
}

describe("a rotated key", () => {
  it("works alongside the new one for the grace period, and not a millisecond longer", async () => {
    const started = await startWithAccount();
    const { operator, id, path } = started;
    const given = {
      name: "ci",
      scopes: ["call", "check"],
      expiresAt: new Date(START_MS + DAY_MS).toISOString(),
    };
    const old = await operator.issueKey(id, given);
    const rotated = await operator.do("newKey", "POST", `${path}/${old.keyId}/rotate`, { graceSeconds: 60 });
    expect(rotated).toMatchObject({ ...given, revokedAt: null, published: true });
    expect([rotated.key === old.key, rotated.keyId === old.keyId]).toEqual([false, false]);
    expect([await statusesOf(started, old.key), await statusesOf(started, rotated.key)]).toEqual([
      "200 200",
      "200 200",
    ]);
    later(59_999);
    expect(await statusesOf(started, old.key)).toBe("200 200");
    later(1);
    expect([await statusesOf(started, old.key), await statusesOf(started, rotated.key)]).toEqual([
      "401 401",
      "200 200",
    ]);
  });

  it("is rejected by the object after its grace period, even if KV still vouches for it", async () => {
    const started = await startWithAccount();
    const { operator, id, path } = started;
    const old = await operator.issueKey(id, { scopes: ["call", "check"] });
    const thaw = await freezeRecord(old.key);
    await operator.do("newKey", "POST", `${path}/${old.keyId}/rotate`, { graceSeconds: 60 });
    await thaw();
    later(60_000);
    expect(await statusesOf({ ...started, edge: await startEdge({ policy: null }) }, old.key)).toBe(
      "401 401",
    );
  });

  it("stops at once with a grace period of 0, and works for a day by default", async () => {
    const started = await startWithAccount();
    const { operator, id, path } = started;
    const [sudden, soft] = [await operator.issueKey(id), await operator.issueKey(id)];
    await operator.do("newKey", "POST", `${path}/${sudden.keyId}/rotate`, { graceSeconds: 0 });
    expect(await statusesOf(started, sudden.key)).toBe("401 401");
    await operator.do("newKey", "POST", `${path}/${soft.keyId}/rotate`, {});
    later(DAY_MS - 1);
    expect(await statusesOf(started, soft.key)).toBe("200 403");
    later(1);
    expect(await statusesOf(started, soft.key)).toBe("401 401");
  });

  it("does not live longer than it would have", async () => {
    const { operator, id, path } = await startWithAccount();
    const expiresAt = new Date(START_MS + 30_000).toISOString();
    const old = await operator.issueKey(id, { expiresAt });
    await operator.do("newKey", "POST", `${path}/${old.keyId}/rotate`, { graceSeconds: 60 });
    expect((await operator.get("keys", path)).keys.map((key) => key.expiresAt)).toEqual([
      expiresAt,
      expiresAt,
    ]);
  });

  it("passes its own expiry to its successors, not the end of a grace period, however often it is rotated", async () => {
    const started = await startWithAccount();
    const { operator, id, path } = started;
    const end = new Date(START_MS + 90 * DAY_MS).toISOString();
    const rotate = (keyId: string, graceSeconds: number) =>
      operator.do("newKey", "POST", `${path}/${keyId}/rotate`, { graceSeconds });
    const [forever, limited] = [
      await operator.issueKey(id),
      await operator.issueKey(id, { expiresAt: end, scopes: ["call", "check"] }),
    ];
    expect(await rotate(forever.keyId, 60)).toMatchObject({ expiresAt: null });
    expect(await rotate(forever.keyId, 60)).toMatchObject({ expiresAt: null });
    const first = await rotate(limited.keyId, 60);
    later(30_000);
    const second = await rotate(limited.keyId, 3_600);
    const third = await rotate(first.keyId, 0);
    const fourth = await rotate(third.keyId, 60);
    expect([first, second, third, fourth].map(({ expiresAt }) => expiresAt)).toEqual([end, end, end, end]);
    // Its first grace period has ended; another rotation did not extend it.
    later(30_000);
    const statuses = [];
    for (const { key } of [limited, first, second, third, fourth])
      statuses.push(await statusesOf(started, key));
    expect(statuses).toEqual(["401 401", "401 401", "200 200", "200 200", "200 200"]);
    later(90 * DAY_MS - 60_001);
    expect(await statusesOf(started, fourth.key)).toBe("200 200");
    later(1);
    expect(await statusesOf(started, fourth.key)).toBe("401 401");
  });

  it("shares its counters with its successors, but not its usage", async () => {
    const started = await start();
    const { operator } = started;
    const customer = await newCustomer(started, "keyed");
    const path = `/accounts/${customer.id}/keys`;
    const old = (await operator.get("keys", path)).keys[0]?.keyId ?? "";
    expect(await customer.call(2)).toEqual([200, 200]);
    const first = await operator.do("newKey", "POST", `${path}/${old}/rotate`, { graceSeconds: 60 });
    expect(await callsWith(started, first.key, 2)).toEqual([200, 429]);
    expect(await customer.call(1)).toEqual([429]);
    await operator.do("key", "DELETE", `${path}/${old}`);
    const second = await operator.do("newKey", "POST", `${path}/${first.keyId}/rotate`, { graceSeconds: 0 });
    expect(await callsWith(started, second.key, 1)).toEqual([429]);
    expect(await callsWith(started, (await operator.issueKey(customer.id)).key, 1)).toEqual([200]);
    later(DAY_MS);
    expect(await callsWith(started, second.key, 2)).toEqual([200, 429]);
    const { keys } = await operator.get("keys", path);
    const lastUsed = new Map(keys.map(({ keyId, lastUsedAt }) => [keyId, lastUsedAt]));
    expect(lastUsed.get(first.keyId)).toBe(new Date(START_MS).toISOString());
    expect(lastUsed.get(second.keyId)).toBe(new Date(START_MS + DAY_MS).toISOString());
  });

  it("must be in force: an unknown, revoked or expired key is 404, and no key is issued", async () => {
    const { operator, id, path } = await startWithAccount();
    const revoked = await operator.issueKey(id);
    const expired = await operator.issueKey(id, { expiresAt: new Date(START_MS + 1).toISOString() });
    await operator.do("key", "DELETE", `${path}/${revoked.keyId}`);
    later(1);
    for (const keyId of [revoked.keyId, expired.keyId, "nothing", "%00", encodeURIComponent("../x")]) {
      expect(await operator.rejection("POST", `${path}/${keyId}/rotate`, {})).toBe("404");
    }
    expect((await operator.get("keys", path)).keys).toHaveLength(2);
  });

  it.each<[what: string, body: unknown, rejection: string]>([
    ["a negative grace", { graceSeconds: -1 }, "422 /graceSeconds"],
    ["more than thirty days", { graceSeconds: 2_592_001 }, "422 /graceSeconds"],
    ["half a second", { graceSeconds: 0.5 }, "422 /graceSeconds"],
    ["scopes", { scopes: ["check"] }, "422 /scopes"],
  ])("is not rotated with %s", async (_what, body, rejection) => {
    const { operator, id, path } = await startWithAccount();
    const { keyId } = await operator.issueKey(id);
    expect(await operator.rejection("POST", `${path}/${keyId}/rotate`, body)).toBe(rejection);
    expect((await operator.get("keys", path)).keys).toMatchObject([{ expiresAt: null }]);
  });
});

describe("a revoked key", () => {
  it("is rejected from the next request on, by every isolate, even if KV still vouches for it", async () => {
    const started = await startWithAccount();
    const { operator, id, path } = started;
    const { key, keyId } = await operator.issueKey(id, { scopes: ["call", "check"] });
    const other = { ...started, edge: await startEdge({ policy: null }) };
    expect([await statusesOf(started, key), await statusesOf(other, key)]).toEqual(["200 200", "200 200"]);
    const thaw = await freezeRecord(key);
    const revoked = await operator.do("key", "DELETE", `${path}/${keyId}?reason=leaked`);
    expect(revoked).toMatchObject({ keyId, revokedAt: new Date().toISOString() });
    await thaw();
    const fresh = { ...started, edge: await startEdge({ policy: null }) };
    for (const where of [started, other, fresh]) expect(await statusesOf(where, key)).toBe("401 401");
    const { entries } = await operator.get("audit", `/accounts/${id}/audit`);
    const before = { keyId, name: "", scopes: ["call", "check"], expiresAt: null, revokedAt: null };
    expect(entries[0]).toMatchObject({ action: "key.revoke", reason: "leaked", before });
    expect(entries[0]?.after).toEqual({ ...before, revokedAt: revoked.revokedAt });
    expect(entries[1]).toMatchObject({ action: "key.create", before: null, after: before });
  });

  it("is rejected even if KV rejects the update, and the account's other keys keep working", async () => {
    const started = await startWithAccount();
    const { operator, id, path } = started;
    const scopes = ["call", "check"];
    const [gone, kept] = [await operator.issueKey(id, { scopes }), await operator.issueKey(id, { scopes })];
    breakKvWrites();
    await operator.do("key", "DELETE", `${path}/${gone.keyId}`);
    expect([await statusesOf(started, gone.key), await statusesOf(started, kept.key)]).toEqual([
      "401 401",
      "200 200",
    ]);
  });

  it("can be revoked again, which changes nothing; an unknown key is 404", async () => {
    const { operator, id, path } = await startWithAccount();
    const { keyId } = await operator.issueKey(id);
    const first = await operator.do("key", "DELETE", `${path}/${keyId}`);
    later(1_000);
    expect(await operator.do("key", "DELETE", `${path}/${keyId}`)).toEqual(first);
    expect(await operator.rejection("DELETE", `${path}/nothing`)).toBe("404");
    expect(await operator.rejection("DELETE", `${path}/${keyId}?why=x`)).toBe("400 /why");
  });

  it("must belong to the account in the path", async () => {
    const one = await startWithAccount();
    const two = await startWithAccount();
    const { key, keyId } = await one.operator.issueKey(one.id);
    expect(await two.operator.rejection("DELETE", `${two.path}/${keyId}`)).toBe("404");
    expect(await two.operator.rejection("POST", `${two.path}/${keyId}/rotate`, {})).toBe("404");
    expect(await statusesOf(one, key)).toBe("200 403");
  });
});

describe("the hundred keys of an account", () => {
  it("are the maximum in force: one more is 409, also by rotation", async () => {
    const { operator, id, path } = await startWithAccount();
    const keyIds: string[] = [];
    for (let i = 0; i < 100; i++) keyIds.push((await operator.issueKey(id)).keyId);
    expect(await problemCode(await operator.send("POST", path, {}))).toBe("409 conflict");
    expect(await problemCode(await operator.send("POST", `${path}/${keyIds[0]}/rotate`, {}))).toBe(
      "409 conflict",
    );
    expect((await operator.get("keys", path)).keys).toHaveLength(100);
  });

  it("leave room for the successor of a key rotated without a grace period", async () => {
    const started = await startWithAccount();
    const { operator, id, path } = started;
    const issued: { key: string; keyId: string }[] = [];
    for (let i = 0; i < 100; i++) issued.push(await operator.issueKey(id, { scopes: ["call", "check"] }));
    const leaked = issued[40] ?? { key: "", keyId: "" };
    const rejected = await operator.send("POST", `${path}/${leaked.keyId}/rotate`, { graceSeconds: 1 });
    expect(await problemOf(rejected)).toMatchObject({
      code: "conflict",
      detail: expect.stringContaining('"graceSeconds": 0'),
    });
    const rotated = await operator.do("newKey", "POST", `${path}/${leaked.keyId}/rotate`, {
      graceSeconds: 0,
    });
    expect([await statusesOf(started, leaked.key), await statusesOf(started, rotated.key)]).toEqual([
      "401 401",
      "200 200",
    ]);
    const { keys } = await operator.get("keys", path);
    expect(keys).toHaveLength(100);
    expect(keys.some(({ keyId }) => keyId === leaked.keyId)).toBe(false);
    expect(await env.CONFIG.get(keyRecordKey(await hashApiKey(leaked.key)))).toBeNull();
  });

  it("exclude ended keys: rotating every day never reaches the maximum, and no old key works again", async () => {
    const started = await startWithAccount();
    const { operator, id, path } = started;
    let current = await operator.issueKey(id, { name: "daily", scopes: ["call", "check"] });
    const forgotten = current;
    const thaw = await freezeRecord(forgotten.key);
    for (let day = 0; day < 120; day++) {
      later(DAY_MS);
      current = await operator.do("newKey", "POST", `${path}/${current.keyId}/rotate`, {
        graceSeconds: 3_600,
      });
    }
    const { keys } = await operator.get("keys", path);
    expect(keys).toHaveLength(100);
    // The keys that ended first have made room.
    expect(keys.some(({ keyId }) => keyId === forgotten.keyId)).toBe(false);
    expect(keys.at(-1)?.keyId).toBe(current.keyId);
    expect(await env.CONFIG.get(keyRecordKey(await hashApiKey(forgotten.key)))).toBeNull();
    await thaw();
    expect([await statusesOf(started, forgotten.key), await statusesOf(started, current.key)]).toEqual([
      "401 401",
      "200 200",
    ]);
  });

  it("forget the key that was revoked first to make room for a new one", async () => {
    const { operator, id, path } = await startWithAccount();
    const keyIds: string[] = [];
    for (let i = 0; i < 100; i++) keyIds.push((await operator.issueKey(id)).keyId);
    for (const keyId of [keyIds[70], keyIds[20]]) {
      later(1_000);
      await operator.do("key", "DELETE", `${path}/${keyId}`);
    }
    const added = await operator.issueKey(id);
    const left = (await operator.get("keys", path)).keys.map(({ keyId }) => keyId);
    expect(left.toSorted()).toEqual(
      [...keyIds.filter((keyId) => keyId !== keyIds[70]), added.keyId].toSorted(),
    );
  });
});

/** Moving in: accounts with the keys that their customers have, which never see the new system. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hashApiKey } from "../../src/identity/api-key.ts";
import { IMPORTED_KEYS, keyRecordKey } from "../../src/identity/key-store.ts";
import { START_MS, startClock, stopClock } from "../durable-objects/fixture.ts";
import { statusesOf } from "../fixtures/control-keys.ts";
import { kvWhere } from "../fixtures/control-outages.ts";
import { start, type Started } from "../fixtures/control-start.ts";

vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

const PATH = "/accounts/import";
let made = 0;

/** An id that no other test uses. */
const newId = (): string => `moved-${(made += 1)}`;
/** A key of another system, and its hash. */
async function foreignKey(prefix = "sk_live_"): Promise<{ key: string; sha256: string }> {
  const key = `${prefix}${crypto.randomUUID().replaceAll("-", "")}`;
  return { key, sha256: await hashApiKey(key) };
}

/** Imports lines, which are objects or text. @returns the results, in order. */
async function importInto({ operator }: Started, lines: readonly unknown[], query = ""): Promise<unknown[]> {
  const body = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  const response = await operator.send("POST", `${PATH}${query}`, `${body}\n`);
  expect([response.status, response.headers.get("Content-Type")]).toEqual([200, "application/x-ndjson"]);
  return linesIn(await response.arrayBuffer());
}

function linesIn(bytes: ArrayBuffer): unknown[] {
  const lines = new TextDecoder().decode(bytes).split("\n");
  return lines.filter((line) => line !== "").map((line): unknown => JSON.parse(line));
}

const fault = (path: string) => ({ code: "invalid_request", errors: [expect.objectContaining({ path })] });
const call = async ({ edge }: Started, headers: Record<string, string>) =>
  (await edge.request("/identify", { headers })).status;

describe("an import", () => {
  it("creates accounts with the keys that their customers have; repeated, it changes nothing", async () => {
    const started = await start();
    const { operator } = started;
    const [one, two] = [await foreignKey(), await foreignKey("Basic-YWNtZTo=.")];
    const [acme, bob] = [newId(), newId()];
    const lines = [
      {
        id: acme,
        name: "Acme Inc.",
        tier: "pro",
        limits: { day: { burst: 60 } },
        keys: [
          { sha256: one.sha256, name: "Production", scopes: ["call", "check"] },
          { sha256: two.sha256.toUpperCase(), mode: "test" },
        ],
      },
      { id: bob, status: "blocked", home: "weur" },
    ];
    const first = await importInto(started, lines, "?reason=Moving%20in");
    expect(first).toMatchObject([
      {
        line: 1,
        id: acme,
        result: "created",
        published: true,
        keys: [{ result: "added" }, { result: "added" }],
      },
      { line: 2, id: bob, result: "created", published: true, keys: [] },
    ]);
    const state = async () =>
      Promise.all(
        [acme, bob].flatMap((id) => [
          operator.get("account", `/accounts/${id}`),
          operator.get("keys", `/accounts/${id}/keys`),
          operator.get("audit", `/accounts/${id}/audit`),
        ]),
      );
    const before = await state();
    expect(before[0]).toMatchObject({ name: "Acme Inc.", tier: "pro", limits: { day: { burst: 60 } } });
    expect(before[1]).toMatchObject({
      keys: [
        { name: "Production", scopes: ["call", "check"], mode: "live" },
        { name: "", scopes: ["call"], mode: "test" },
      ],
    });
    expect(before[2]).toMatchObject({ entries: [{ action: "key.import", reason: "Moving in" }, {}, {}, {}] });
    expect(before[3]).toMatchObject({ tier: "free", status: "blocked" });

    const again = await importInto(started, lines);
    expect(again).toMatchObject([
      { result: "unchanged", published: true, keys: [{ result: "present" }, { result: "present" }] },
      { result: "unchanged", published: true, keys: [] },
    ]);
    expect(await state()).toEqual(before);
    expect(await statusesOf(started, one.key)).toBe("200 200");
    expect(await call(started, { Authorization: `Bearer ${one.key}` })).toBe(200);
    expect(await call(started, { "X-API-Key": two.key })).toBe(200);
    expect(await call(started, { "X-API-Key": `${two.key}0` })).toBe(401);
  });

  it("rejects a bad line in its place, and imports the others", async () => {
    const started = await start();
    const [a, b, c] = [newId(), newId(), newId()];
    const { sha256 } = await foreignKey();
    const expired = new Date(START_MS - 1).toISOString();
    const results = await importInto(started, [
      { id: a, keys: [{ sha256 }] },
      "{",
      { id: "a b" },
      { id: b, tier: "gold" },
      { id: b, limits: { hour: { tokens: 1 } } },
      `{"id": "${"x".repeat(70_000)}"}`,
      { id: c, keys: [{ sha256: "abc" }] },
      { id: c, keys: [{ sha256: sha256.toUpperCase() }] },
      { id: a, name: "twice" },
      { id: newId(), key: "sk_live_0123456789" },
      { id: newId(), keys: [{ sha256: (await foreignKey()).sha256, expiresAt: expired }] },
    ]);
    expect(results).toMatchObject([
      { line: 1, id: a, result: "created" },
      { line: 2, id: null, error: fault("") },
      { line: 3, id: null, error: fault("/id") },
      { line: 4, id: b, error: fault("/tier") },
      { line: 5, id: b, error: fault("/id") },
      { line: 6, id: null, error: fault("") },
      { line: 7, id: null, error: fault("/keys/0/sha256") },
      { line: 8, id: c, error: fault("/keys/0/sha256") },
      { line: 9, id: a, error: fault("/id") },
      { line: 10, id: null, error: fault("/key") },
      { line: 11, result: "created", keys: [{ keyId: null, result: "expired" }] },
    ]);
    expect(await importInto(started, [{ id: b, limits: { hour: { tokens: 1 } } }])).toMatchObject([
      { error: fault("/limits/hour") },
    ]);
    expect((await started.operator.send("GET", `/accounts/${b}`)).status).toBe(404);
    expect(await importInto(started, [])).toEqual([]);
    expect(await started.operator.rejection("POST", `${PATH}?dry=1`, "")).toBe("400 /dry");
  });

  it("changes an existing account as far as a line says, and adds keys to those that it has", async () => {
    const started = await start();
    const { operator } = started;
    const id = newId();
    await operator.createAccount(id, { name: "Old", tier: "free" });
    const own = await operator.issueKey(id);
    const { key, sha256 } = await foreignKey();
    const line = { id, tier: "pro", keys: [{ sha256 }] };
    expect(await importInto(started, [line])).toMatchObject([
      { result: "changed", keys: [{ result: "added" }] },
    ]);
    expect(await operator.get("account", `/accounts/${id}`)).toMatchObject({ name: "Old", tier: "pro" });
    for (const each of [own.key, key]) expect(await call(started, { "X-API-Key": each })).toBe(200);
    const renamed = { id, keys: [{ sha256, name: "renamed" }] };
    expect(await importInto(started, [renamed])).toMatchObject([
      { result: "unchanged", keys: [{ result: "differs" }] },
    ]);
  });

  it("answers as it goes, and takes at most 1,000 lines", async () => {
    const { edge } = await start();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const response = await edge.request(`/api/v1/admin${PATH}`, {
      method: "POST",
      headers: { Authorization: "Bearer admin-token-of-the-tests" },
      body: readable,
    });
    const reader = response.body?.getReader();
    if (!reader) throw new Error("no body");
    const sent = writer.write(new TextEncoder().encode(`{"id":"${newId()}"}\n`));
    const first = await reader.read();
    expect(linesIn(Uint8Array.from(first.value ?? []).buffer)).toMatchObject([
      { line: 1, result: "created" },
    ]);
    await sent;
    const rest = (async () => {
      await writer.write(new TextEncoder().encode("{}\n".repeat(1_000)));
      await writer.close();
    })();
    let text = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      text += new TextDecoder().decode(part.value);
    }
    await rest;
    const lines = text.trimEnd().split("\n");
    expect(lines).toHaveLength(1_000);
    expect(JSON.parse(lines[999] ?? "")).toMatchObject({
      line: 1_001,
      error: { errors: [{ message: expect.stringContaining("at most 1000 lines") }] },
    });
  });
});

describe("an imported key", () => {
  it("is rotated and revoked like any other, and no import brings it back", async () => {
    const started = await start();
    const { operator } = started;
    const id = newId();
    const keys = `/accounts/${id}/keys`;
    const [one, two] = [await foreignKey(), await foreignKey()];
    const line = { id, tier: "pro", keys: [{ sha256: one.sha256 }, { sha256: two.sha256 }] };
    await importInto(started, [line]);
    const [first, second] = (await operator.get("keys", keys)).keys;
    const rotation = { graceSeconds: 0 };
    const rotated = await operator.do("newKey", "POST", `${keys}/${first?.keyId}/rotate`, rotation);
    await operator.send("DELETE", `${keys}/${second?.keyId}`);
    const statuses = async () =>
      Promise.all([one.key, two.key, rotated.key].map((key) => call(started, { "X-API-Key": key })));
    expect(await statuses()).toEqual([401, 401, 200]);
    expect(await importInto(started, [line])).toMatchObject([
      { result: "unchanged", keys: [{ result: "present" }, { result: "revoked" }] },
    ]);
    expect(await statuses()).toEqual([401, 401, 200]);
  });

  it("never reaches an upstream, in whichever header it came; another credential beside it does", async () => {
    const started = await start();
    const { edge } = started;
    const { key, sha256 } = await foreignKey();
    await importInto(started, [{ id: newId(), tier: "pro", keys: [{ sha256 }] }]);
    const own = "Basic dXBzdHJlYW06b3du";
    for (const headers of [
      { "X-API-Key": key },
      { Authorization: `Bearer ${key}` },
      { "X-API-Key": key, Authorization: own },
    ]) {
      expect((await edge.request("/identify", { headers })).status).toBe(200);
    }
    const forwarded = edge.forwarded.map(({ headers }) => [
      headers.get("X-API-Key"),
      headers.get("Authorization"),
    ]);
    expect(forwarded).toEqual([
      [null, null],
      [null, null],
      [null, own],
    ]);
  });

  it("belongs to one account, until it is revoked there", async () => {
    const started = await start();
    const [owner, other] = [newId(), newId()];
    const { key, sha256 } = await foreignKey();
    await importInto(started, [{ id: owner, keys: [{ sha256 }] }]);
    const claim = { id: other, keys: [{ sha256 }] };
    expect(await importInto(started, [claim])).toMatchObject([{ error: fault("/keys/0/sha256") }]);
    const path = `/accounts/${owner}/keys`;
    const [owned] = (await started.operator.get("keys", path)).keys;
    await started.operator.send("DELETE", `${path}/${owned?.keyId}`);
    expect(await importInto(started, [claim])).toMatchObject([{ result: "created" }]);
    expect(await call(await start(), { "X-API-Key": key })).toBe(200);
  });

  it("is one of at most 100 of an account: an import of more changes nothing", async () => {
    const started = await start();
    const id = newId();
    const keys = [];
    for (let i = 0; i < 101; i++) keys.push({ sha256: (await foreignKey()).sha256 });
    expect(await importInto(started, [{ id, keys }])).toMatchObject([{ error: fault("/keys") }]);
    await importInto(started, [{ id, keys: keys.slice(0, 60) }]);
    const rejected = { error: { code: "conflict", detail: expect.stringContaining("more than 100 keys") } };
    expect(await importInto(started, [{ id, name: "x", keys: keys.slice(50) }])).toMatchObject([rejected]);
    expect(await started.operator.get("account", `/accounts/${id}`)).toMatchObject({ name: "" });
    expect(await importInto(started, [{ id, keys: keys.slice(0, 100) }])).toMatchObject([
      { result: "changed" },
    ]);
  });

  it("is not added unless all isolates learn that there are such keys; the rest is imported", async () => {
    const started = await start();
    const restore = kvWhere((method, name) =>
      method === "get" && name === IMPORTED_KEYS ? "fail" : "through",
    );
    vi.spyOn(console, "error").mockReturnValue();
    const [a, b] = [newId(), newId()];
    const { key, sha256 } = await foreignKey();
    const lines = [{ id: a, keys: [{ sha256 }] }, { id: b }];
    const failed = { id: a, error: { code: "temporary_reduced_capacity" } };
    expect(await importInto(started, lines)).toMatchObject([failed, { id: b, result: "created" }]);
    restore();
    expect(await importInto(started, lines)).toMatchObject([{ result: "created" }, { result: "unchanged" }]);
    expect(await call(started, { "X-API-Key": key })).toBe(200);
  });

  it("works again after KV was lost and rebuilt", async () => {
    const started = await start();
    const { key, sha256 } = await foreignKey();
    await importInto(started, [{ id: newId(), keys: [{ sha256 }] }]);
    await env.CONFIG.delete(IMPORTED_KEYS);
    await env.CONFIG.delete(keyRecordKey(sha256));
    expect(await call(await start(), { "X-API-Key": key })).toBe(401);
    let cursor: string | null = "";
    while (cursor !== null) {
      const query: string = cursor === "" ? "" : `?cursor=${cursor}`;
      const page = await started.operator.do("rebuild", "POST", `/directory/rebuild${query}`);
      cursor = page.cursor;
    }
    expect(await call(await start(), { "X-API-Key": key })).toBe(200);
  });
});

/** An account's keys: their scopes, lifetime and limits; a key's plaintext is shown once. */
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { hashApiKey } from "../../src/identity/api-key.ts";
import { later, START_MS, startClock, stopClock } from "../durable-objects/fixture.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { startWithAccount, statusesOf } from "../fixtures/control-keys.ts";
import { answerOf } from "../fixtures/control-operator.ts";
import { customerOf, newCustomer, start } from "../fixtures/control-start.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

describe("keys of one account", () => {
  it("all work, each for exactly its scopes", async () => {
    const started = await startWithAccount();
    const { operator, id, path } = started;
    const keys = [
      await operator.issueKey(id, { name: "web" }),
      await operator.issueKey(id, { name: "service", scopes: ["check"] }),
      await operator.issueKey(id, { name: "both", scopes: ["call", "check"], mode: "test" }),
    ];
    expect(keys.map(({ scopes }) => scopes)).toEqual([["call"], ["check"], ["call", "check"]]);
    expect(keys.map(({ key }) => key.slice(0, 8))).toEqual(["el_live_", "el_live_", "el_test_"]);
    const statuses = [];
    for (const { key } of keys) statuses.push(await statusesOf(started, key));
    expect(statuses).toEqual(["200 403", "403 200", "200 200"]);
    const listed = await operator.get("keys", path);
    expect(listed.keys.map(({ name }) => name).toSorted()).toEqual(["both", "service", "web"]);
  });

  it("share the account's limits, except those that count each key separately", async () => {
    const started = await start();
    const shared = await newCustomer(started, "free");
    const second = await customerOf(started, shared.id);
    expect([await shared.call(3), await second.call(3)].flat()).toEqual([200, 200, 200, 200, 200, 429]);
    const apart = await newCustomer(started, "keyed");
    const other = await customerOf(started, apart.id);
    expect([await apart.call(4), await other.call(4)]).toEqual([
      [200, 200, 200, 429],
      [200, 200, 200, 429],
    ]);
  });

  it("show the hour in which they were last used, and null before that", async () => {
    const started = await startWithAccount();
    const { operator, id, path } = started;
    const used = await operator.issueKey(id);
    await operator.issueKey(id, { name: "idle" });
    const lastUsed = async () => {
      const { keys } = await operator.get("keys", path);
      return Object.fromEntries(keys.map(({ name, lastUsedAt }) => [name, lastUsedAt]));
    };
    expect(await lastUsed()).toEqual({ "": null, idle: null });
    later(HOUR_MS / 2);
    await statusesOf(started, used.key);
    const noon = new Date(START_MS).toISOString();
    expect(await lastUsed()).toEqual({ "": noon, idle: null });
    later(3 * HOUR_MS);
    expect(await lastUsed()).toEqual({ "": noon, idle: null });
    await statusesOf(started, used.key);
    expect(await lastUsed()).toEqual({ "": new Date(START_MS + 3 * HOUR_MS).toISOString(), idle: null });
  });

  it("expire to the millisecond, here and in the object itself", async () => {
    const started = await startWithAccount();
    const expiresAt = new Date(Date.now() + HOUR_MS).toISOString();
    const { key } = await started.operator.issueKey(started.id, { expiresAt, scopes: ["call", "check"] });
    later(HOUR_MS - 1);
    expect(await statusesOf(started, key)).toBe("200 200");
    later(1);
    expect(await statusesOf(started, key)).toBe("401 401");
    expect((await started.operator.get("keys", started.path)).keys).toMatchObject([
      { expiresAt, revokedAt: null },
    ]);
  });

  it.each<[what: string, body: unknown, rejection: string]>([
    ["an unknown scope", { scopes: ["admin"] }, "422 /scopes/0"],
    ["an empty list of scopes", { scopes: [] }, "422 /scopes"],
    ["more scopes than there are", { scopes: ["call", "call", "call"] }, "422 /scopes"],
    ["an end in the past", { expiresAt: "2020-01-01T00:00:00Z" }, "422 /expiresAt"],
    ["an end that is now", { expiresAt: new Date(START_MS).toISOString() }, "422 /expiresAt"],
    ["an end without a zone", { expiresAt: "2101-01-01T00:00:00" }, "422 /expiresAt"],
    ["another mode", { mode: "prod" }, "422 /mode"],
    ["a name too long", { name: "n".repeat(201) }, "422 /name"],
    ["a key of its own", { key: "el_live_x" }, "422 /key"],
    ["a reason too long", { reason: "r".repeat(501) }, "422 /reason"],
    ["a list", [], "422 "],
  ])("are not issued with %s", async (_what, body, rejection) => {
    const { operator, path } = await startWithAccount();
    expect(await operator.rejection("POST", path, body)).toBe(rejection);
    expect((await operator.get("keys", path)).keys).toEqual([]);
  });
});

describe("a key's plaintext", () => {
  it("appears in no list, log line, KV value or audit entry, and neither does its hash, whatever is done with it", async () => {
    const lines: string[] = [];
    for (const method of ["debug", "info", "log", "warn", "error"] as const) {
      vi.spyOn(console, method).mockImplementation(
        (...said: unknown[]) => void lines.push(said.map(String).join(" ")),
      );
    }
    const started = await start({ variables: { LOG_LEVEL: "debug" } });
    const { edge, operator } = started;
    await operator.createAccount("secretive", { tier: "free" });
    const path = "/accounts/secretive/keys";
    const answers: string[] = [];
    const issued = await operator.issueKey("secretive", { scopes: ["call", "check"] });
    const rotation = await operator.send("POST", `${path}/${issued.keyId}/rotate`, { graceSeconds: 60 });
    expect(rotation.headers.get("Cache-Control")).toBe("no-store");
    const rotated = await answerOf("newKey", rotation);
    const secrets: string[] = [];
    for (const { key } of [issued, rotated]) secrets.push(key, key.slice(8), await hashApiKey(key));

    const use = async (): Promise<void> => {
      for (const { key } of [issued, rotated]) {
        for (const headers of [{ "X-API-Key": key }, { Authorization: `Bearer ${key}` }]) {
          for (const asked of [
            "/identify",
            "/nowhere",
            "/api/v1/rate-limit/status",
            "/api/v1/admin/accounts",
          ]) {
            const response = await edge.request(asked, { headers });
            answers.push(JSON.stringify([...response.headers]), await response.text());
          }
        }
      }
    };
    await use();
    answers.push(await (await operator.send("DELETE", `${path}/${issued.keyId}`)).text());
    await use();
    for (const list of [
      "/accounts/secretive",
      path,
      "/accounts",
      "/accounts/secretive/audit",
      "/accounts/secretive/usage",
    ]) {
      answers.push(await (await operator.send("GET", list)).text());
    }
    // A key sent in a wrong place: the response may contain it, the log may not.
    await operator.send("GET", `/accounts/${rotated.key}`);
    await edge.request(`/${rotated.key}`);
    const values: string[] = [];
    for (const { name } of (await env.CONFIG.list()).keys) values.push((await env.CONFIG.get(name)) ?? "");

    expect(lines.length).toBeGreaterThan(5);
    expect(values.some((value) => value.includes(rotated.keyId))).toBe(true);
    for (const secret of secrets) {
      for (const where of [lines, answers, values]) {
        expect(where.filter((text) => text.includes(secret))).toEqual([]);
      }
    }
  });
});

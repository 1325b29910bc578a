/** A list of several pages of accounts: found by filter and page, and rebuilt from the accounts themselves after a loss. */
import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { hashApiKey } from "../../src/identity/api-key.ts";
import { userSubject } from "../../src/identity/authenticate.ts";
import { keyRecordKey } from "../../src/identity/key-store.ts";
import { directoryOf } from "../../src/objects/account-directory.ts";
import { later, startClock, stopClock } from "../durable-objects/fixture.ts";
import type { Answers, Operator } from "../fixtures/control-operator.ts";
import { directoryWhere, kvWhere } from "../fixtures/control-outages.ts";
import { start } from "../fixtures/control-start.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(startClock);
afterEach(stopClock);

/** Several pages of the list and of a rebuild, the last of each partly filled. */
const COUNT = 240;
const TIERS = ["free", "pro", "unlimited"];
type Entry = Answers["accounts"]["accounts"][number];

const idOf = (n: number): string => `fleet-${String(n).padStart(4, "0")}`;
const stubOf = (id: string) => env.USER_LIMITER.getByName(userSubject(id));

async function listed(operator: Operator, query = ""): Promise<Entry[]> {
  const pages = await operator.pages("accounts", `/accounts?limit=100${query}`);
  return pages.flatMap(({ accounts }) => accounts);
}

/** Rebuilds page by page. @returns the number of accounts rebuilt, and of calls. */
async function rebuild(operator: Operator, query = ""): Promise<{ rebuilt: number; calls: number }> {
  let [rebuilt, calls] = [0, 0];
  let next: string | null = "";
  while (next !== null) {
    const path: string = `/directory/rebuild?${next === "" ? query : `cursor=${next}`}`;
    const page: Answers["rebuild"] = await operator.do("rebuild", "POST", path);
    rebuilt += page.rebuilt;
    calls += 1;
    next = page.cursor;
  }
  return { rebuilt, calls };
}

/** Deletes the directory's storage, as in an accident. */
async function loseDirectory(): Promise<void> {
  await runInDurableObject(directoryOf(env.ACCOUNT_DIRECTORY), (_object, { storage }) => storage.deleteAll());
}

beforeAll(async () => {
  startClock();
  const waiting = Array.from({ length: COUNT }, (_, n) => n);
  const create = async (): Promise<void> => {
    for (let n = waiting.shift(); n !== undefined; n = waiting.shift()) {
      const tier = TIERS[n % 3] ?? "";
      await stubOf(idOf(n)).createAccount(idOf(n), { name: `Customer No. ${n}`, tier });
      if (n % 10 === 0) await stubOf(idOf(n)).changeAccount({ status: "blocked" });
    }
  };
  await Promise.all(Array.from({ length: 50 }, create));
  stopClock();
}, 60_000);

describe("a list of accounts", () => {
  it("has each account once, in order, on three pages", async () => {
    const { operator } = await start();
    const pages = await operator.pages("accounts", "/accounts?limit=100");
    expect(pages.map(({ accounts }) => accounts.length)).toEqual([100, 100, 40]);
    const ids = pages.flatMap(({ accounts }) => accounts.map(({ id }) => id));
    expect(ids).toEqual(Array.from({ length: COUNT }, (_, n) => idOf(n)));
  });

  it("is filtered by tier, status and part of the name", async () => {
    const { operator } = await start();
    const counts = async (query: string) => (await listed(operator, query)).length;
    expect(await counts("&tier=free")).toBe(80);
    expect(await counts("&tier=pro")).toBe(80);
    expect(await counts("&status=blocked")).toBe(24);
    expect(await counts("&status=blocked&tier=free")).toBe(8);
    expect(await counts("&name=customer%20no.%2023")).toBe(11);
    expect(await counts("&name=FLEET-00")).toBe(100);
    expect(await counts("&tier=gone")).toBe(0);
  });
});

describe("a lost directory", () => {
  it("is the same list again after a rebuild, page by page", async () => {
    const { operator } = await start();
    const before = await listed(operator);
    await loseDirectory();
    expect(await listed(operator)).toEqual([]);
    expect(await rebuild(operator)).toEqual({ rebuilt: COUNT, calls: Math.ceil(COUNT / 50) });
    expect(await listed(operator)).toEqual(before);
  });

  it("can be cleared first, which removes wrong entries", async () => {
    const { operator } = await start();
    const ghost = {
      id: "ghost",
      name: "",
      tier: "free",
      status: "active",
      createdMs: 1,
      updatedMs: 1,
      version: 1,
    } as const;
    await directoryOf(env.ACCOUNT_DIRECTORY).put("ghost", ghost, 1);
    expect(await listed(operator, "&name=ghost")).toHaveLength(1);
    // The first page only: the others follow by its cursor.
    const page = await operator.do("rebuild", "POST", "/directory/rebuild?reset=true");
    expect((await listed(operator)).map(({ id }) => id)).toEqual(
      Array.from({ length: 50 }, (_, n) => idOf(n)),
    );
    await operator.do("rebuild", "POST", `/directory/rebuild?cursor=${page.cursor}`);
    expect(await listed(operator)).toHaveLength(100);
  });

  it("is rebuilt from the current state: later changes and deletions remain", async () => {
    const { operator } = await start();
    await operator.do("changedAccount", "PATCH", `/accounts/${idOf(3)}`, { name: "Renamed", tier: "pro" });
    await operator.send("DELETE", `/accounts/${idOf(4)}`);
    await loseDirectory();
    const page = await operator.do("rebuild", "POST", "/directory/rebuild");
    expect(page.rebuilt).toBe(50);
    const ids = (await listed(operator)).map(({ id }) => id);
    expect(ids.slice(2, 5)).toEqual([idOf(2), idOf(3), idOf(5)]);
    expect(await listed(operator, "&name=renamed")).toMatchObject([{ id: idOf(3), tier: "pro" }]);
  });

  it("restores KV's records of keys, too", async () => {
    const { edge, operator } = await start();
    const { key } = await operator.issueKey(idOf(5));
    const name = keyRecordKey(await hashApiKey(key));
    await env.CONFIG.delete(name);
    await operator.do("rebuild", "POST", "/directory/rebuild");
    expect(await env.CONFIG.get(name, "json")).toMatchObject({ user: idOf(5) });
    expect((await edge.request("/identify", { headers: { "X-API-Key": key } })).status).toBe(200);
  });

  it("is 503 while KV or an account does not answer, and succeeds when repeated", async () => {
    const { operator } = await start();
    vi.spyOn(console, "error").mockReturnValue();
    const restoreKv = kvWhere((method) => (method === "list" ? "fail" : "through"));
    const failed = await operator.send("POST", "/directory/rebuild");
    expect([failed.status, failed.headers.get("Retry-After")]).toEqual([503, "1"]);
    restoreKv();
    expect((await operator.do("rebuild", "POST", "/directory/rebuild")).rebuilt).toBe(50);
  });

  it.each([
    ["cursor=a", "400 /cursor"],
    ["cursor=%F0", "400 /cursor"],
    ["reset=false", "400 /reset"],
    ["reset=", "400 /reset"],
    ["limit=5", "400 /limit"],
  ])("is not rebuilt with %s", async (query, rejection) => {
    const { operator } = await start();
    expect(await operator.rejection("POST", `/directory/rebuild?${query}`)).toBe(rejection);
  });
});

describe("a directory that fails while accounts change", () => {
  it("delays no change, and receives all of them later", async () => {
    const { edge, operator } = await start();
    vi.spyOn(console, "error").mockReturnValue();
    await operator.createAccount("here-1");
    await operator.createAccount("here-2");
    const restore = directoryWhere(() => "fail");
    await operator.createAccount("here-3");
    const { key } = await operator.issueKey("here-3");
    await operator.do("changedAccount", "PATCH", "/accounts/here-1", { tier: "pro" });
    expect((await operator.send("DELETE", "/accounts/here-2")).status).toBe(204);
    expect((await edge.request("/identify", { headers: { "X-API-Key": key } })).status).toBe(200);
    expect((await operator.send("GET", "/accounts")).status).toBe(503);
    restore();
    expect(await listed(operator, "&name=here")).toMatchObject([
      { id: "here-1", tier: "free" },
      { id: "here-2" },
    ]);
    later(2_000);
    for (const id of ["here-1", "here-2", "here-3"])
      expect(await runDurableObjectAlarm(stubOf(id))).toBe(true);
    expect(await listed(operator, "&name=here")).toMatchObject([
      { id: "here-1", tier: "pro" },
      { id: "here-3", tier: "free" },
    ]);
  });
});

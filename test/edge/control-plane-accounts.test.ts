/** Accounts, as operators make, find, change and delete them. */
import { evictDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { directoryOf } from "../../src/limiter/directory.ts";
import { later, startClock, stopClock } from "../durable-objects/fixture.ts";
import type { Operator } from "../fixtures/control-operator.ts";
import { customerOf, newCustomer, start } from "../fixtures/control-start.ts";

beforeEach(startClock);
afterEach(stopClock);

/** The ids that a list has, over all of its pages. */
async function idsOf(operator: Operator, query: string): Promise<string[]> {
  const pages = await operator.pages("accounts", `/accounts${query}`);
  return pages.flatMap(({ accounts }) => accounts.map(({ id }) => id));
}

describe("an account that is created", () => {
  it("has what it was given, the default tier where none was named, and can be read at once", async () => {
    const { operator } = await start();
    const created = await operator.createAccount("new-1", { name: "Ünï & Co", reason: "trial" });
    const nowIso = new Date().toISOString();
    expect(created).toEqual({
      id: "new-1",
      name: "Ünï & Co",
      tier: "free",
      status: "active",
      limits: {},
      grants: [],
      version: 1,
      createdAt: nowIso,
      updatedAt: nowIso,
    });
    expect(await operator.get("account", "/accounts/new-1")).toEqual(created);
    const { limits: _limits, grants: _grants, ...listed } = created;
    expect(await operator.get("accounts", "/accounts?name=NEW-1")).toEqual({
      accounts: [listed],
      cursor: null,
    });
  });

  it("is created by exactly one of many who try at once", async () => {
    const { operator } = await start();
    const tiers = ["free", "pro", "odd", "unlimited"];
    const answers = await Promise.all(
      tiers.map((tier) => operator.send("POST", "/accounts", { id: "raced", tier })),
    );
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409, 409, 409]);
    const winner = answers.findIndex(({ status }) => status === 201);
    expect(await operator.get("account", "/accounts/raced")).toMatchObject({
      tier: tiers[winner],
      version: 1,
    });
    expect((await operator.get("audit", "/accounts/raced/audit")).entries).toHaveLength(1);
  });

  it("keeps what its user had used before there was an account", async () => {
    const started = await start();
    const { edge, operator } = started;
    await operator.createAccount("asker");
    const asker = await operator.issueKey("asker", { scopes: ["check"] });
    for (let i = 0; i < 4; i++) {
      const body = JSON.stringify({ user: "latecomer" });
      const headers = { "X-API-Key": asker.key };
      await edge.request("/api/v1/rate-limit/check", { method: "POST", headers, body });
    }
    await operator.createAccount("latecomer");
    const latecomer = await customerOf(started, "latecomer");
    expect(await latecomer.left()).toEqual({ day: 1, month: 16 });
    expect(await latecomer.call(2)).toEqual([200, 429]);
  });
});

describe("the list of accounts", () => {
  const FLEET = [
    { id: "fleet-a%1", name: "Ann 100%", tier: "pro" },
    { id: "fleet-b_2", name: "bob_under", tier: "free" },
    { id: "fleet-c\\3", name: "Back\\Slash", tier: "pro" },
    { id: "fleet-d", name: "ann small", tier: "unlimited" },
    { id: "fleet-e", name: "", tier: "free" },
  ];
  const MAKE = async (operator: Operator): Promise<void> => {
    if ((await idsOf(operator, "?name=fleet")).length > 0) return;
    for (const { id, ...given } of FLEET) await operator.createAccount(id, given);
    await operator.do("account", "PATCH", `/accounts/${encodeURIComponent("fleet-d")}`, {
      status: "blocked",
    });
  };

  it.each<[query: string, ids: string[]]>([
    ["name=fleet", FLEET.map(({ id }) => id)],
    ["name=fleet&tier=pro", ["fleet-a%1", "fleet-c\\3"]],
    ["name=fleet&status=blocked", ["fleet-d"]],
    ["name=fleet&status=active&tier=free", ["fleet-b_2", "fleet-e"]],
    ["name=fleet&tier=keyed", []],
    ["name=ANN", ["fleet-a%1", "fleet-d"]],
    ["name=%25", ["fleet-a%1"]],
    ["name=_", ["fleet-b_2"]],
    ["name=%5C", ["fleet-c\\3"]],
    ["name=100%25%25", []],
    ["name=fleet-_", []],
    [`name=${"n".repeat(200)}`, []],
  ])("by %s has exactly these", async (query, ids) => {
    const { operator } = await start();
    await MAKE(operator);
    expect(await idsOf(operator, `?${query}`)).toEqual(ids);
    expect(await idsOf(operator, `?${query}&limit=2`)).toEqual(ids);
  });

  it("has every account once, in one order, also while others are created and deleted", async () => {
    const { operator } = await start();
    const ids = Array.from({ length: 9 }, (_, i) => `paged-${i}`);
    for (const id of ids) await operator.createAccount(id);
    const first = await operator.get("accounts", "/accounts?name=paged&limit=4");
    // Behind the page that was read, before it, and the very account it ended with.
    await operator.createAccount("paged-7a");
    await operator.createAccount("paged-0a");
    await operator.send("DELETE", "/accounts/paged-3");
    const rest = await operator.pages("accounts", "/accounts?name=paged&limit=4", first.cursor);
    const seen = [first, ...rest].flatMap(({ accounts }) => accounts.map(({ id }) => id));
    expect(seen).toEqual([...ids.slice(0, 8), "paged-7a", "paged-8"]);
  });

  it.each<[query: string, refusal: string]>([
    ["cursor=", "400 /cursor"],
    ["cursor=a", "400 /cursor"],
    ["cursor=%00", "400 /cursor"],
    ["cursor=_-8", "400 /cursor"],
    ["cursor=;DROP%20TABLE", "400 /cursor"],
    [`cursor=${"A".repeat(401)}`, "400 /cursor"],
    ["limit=0", "400 /limit"],
    ["limit=101", "400 /limit"],
    ["limit=1.5", "400 /limit"],
    ["limit=-1", "400 /limit"],
    ["status=frozen", "400 /status"],
    ["tier=PRO", "400 /tier"],
    ["name=", "400 /name"],
    [`name=${"n".repeat(201)}`, "400 /name"],
    ["sort=name", "400 /sort"],
  ])("is refused by %s", async (query, refusal) => {
    const { operator } = await start();
    expect(await operator.refusal("GET", `/accounts?${query}`)).toBe(refusal);
  });

  it("is paged without being asked: fifty at a time", async () => {
    const { operator } = await start();
    const missing = 51 - (await idsOf(operator, "")).length;
    for (let i = 0; i < missing; i++) await operator.createAccount(`more-${i}`);
    const page = await operator.get("accounts", "/accounts");
    expect(page.accounts).toHaveLength(50);
    expect(page.cursor).not.toBeNull();
  });
});

describe("a change of an account", () => {
  it("changes what it names and nothing else, and each counts", async () => {
    const { operator } = await start();
    const created = await operator.createAccount("changed", { name: "Before" });
    later(1_000);
    const patch = (body: object) => operator.do("account", "PATCH", "/accounts/changed", body);
    const named = await patch({ name: "After" });
    expect(named).toEqual({ ...created, name: "After", version: 2, updatedAt: new Date().toISOString() });
    expect(await patch({ tier: "pro", status: "blocked" })).toMatchObject({
      name: "After",
      tier: "pro",
      status: "blocked",
      version: 3,
    });
    expect(await patch({ name: "" })).toMatchObject({ name: "", tier: "pro", version: 4 });
    expect((await operator.get("accounts", "/accounts?name=changed")).accounts).toMatchObject([
      { id: "changed", name: "", tier: "pro", status: "blocked", version: 4 },
    ]);
  });

  it.each<[what: string, body: unknown, refusal: string]>([
    ["nothing", {}, "422 "],
    ["a reason alone", { reason: "why not" }, "422 "],
    ["an unknown field", { name: "x", plan: "pro" }, "422 /plan"],
    ["its version", { version: 9 }, "422 /version "],
    ["an unknown tier", { tier: "gold" }, "422 /tier"],
    ["a tier that is no name", { tier: "Free!" }, "422 /tier"],
    ["an unknown status", { status: "deleted" }, "422 /status"],
    ["a list", [], "422 "],
    ["a string", '"pro"', "422 "],
    ["null", null, "422 "],
    ["what is not JSON", "{", "400 "],
    ["nothing at all", "", "400 "],
  ])("by %s is refused, and changes nothing", async (_what, body, refusal) => {
    const { operator } = await start();
    await operator.send("POST", "/accounts", { id: "steady" });
    const before = await operator.get("account", "/accounts/steady");
    expect(await operator.refusal("PATCH", "/accounts/steady", body)).toBe(refusal);
    expect(await operator.get("account", "/accounts/steady")).toEqual(before);
  });

  it.each(["GET", "PATCH", "DELETE"])("%s is 404 where there is no account", async (method) => {
    const { operator } = await start();
    const body = method === "PATCH" ? { tier: "pro" } : undefined;
    expect(await operator.refusal(method, "/accounts/nobody", body)).toBe("404");
  });
});

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
    expect(await idsOf(operator, `?name=${id}`)).toEqual([]);
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
    expect(await idsOf(operator, `?name=${old.id}`)).toEqual([old.id]);
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
    expect(await idsOf(operator, `?name=${id}`)).toEqual([]);
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

/**
 * The list of users: accounts joined with traffic, in one order over all of them. The pages are compared with a list that is made and
 * sorted at once, from real entries in the real directory.
 */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  figureOf,
  type Figure,
  FIGURES,
  type ListedUser,
  type ListQuery,
  NOBODY,
  pageOfUsers,
  type RankedUser,
  type UserListPage,
  type UserSort,
} from "../../src/api/accounts/user-list.ts";
import { cursorOf } from "../../src/api/query.ts";
import { comparePlaces, placeOf } from "../../src/natural-order.ts";
import { type DirectoryEntry, directoryOf } from "../../src/objects/account-directory.ts";
import { createAccount, issueKey } from "../fixtures/edge-account.ts";
import { Operator } from "../fixtures/control-operator.ts";
import { startEdge } from "../fixtures/edge-app.ts";

// Many sequential calls, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(() => reset());
afterEach(() => vi.restoreAllMocks());

const directory = () => directoryOf(env.ACCOUNT_DIRECTORY);
const ANYONE: ListQuery["filter"] = { tier: null, status: null, text: null, hasAccount: null };

function entryOf(id: string, given: Partial<DirectoryEntry> = {}): DirectoryEntry {
  return { id, name: "", tier: "free", status: "active", createdMs: 1, updatedMs: 1, version: 1, ...given };
}

function rankedOf(id: string, given: Partial<RankedUser["usage"]> = {}): RankedUser {
  const none = { requests: 1, allowed: 1, denied: 0, turnedAway: 0, errors: 0, decided: 1, cost: 1 };
  return { id, usage: { account: `user:${id}`, ...none, lastSeenAt: "2026-11-21T08:00:00.000Z", ...given } };
}

/** All pages. */
async function listed(
  ranking: readonly RankedUser[],
  sort: UserSort,
  given: Partial<ListQuery> = {},
): Promise<ListedUser[]> {
  const users: ListedUser[] = [];
  let after: ListQuery["after"] = null;
  do {
    const query: ListQuery = { sort, filter: ANYONE, limit: 3, ...given, after };
    const page: UserListPage = await pageOfUsers(directory(), ranking, query);
    users.push(...page.users);
    expect(users.length, "the list has an end").toBeLessThan(1_000);
    if (page.next) expect(page.users).toHaveLength(query.limit);
    after = page.next;
  } while (after);
  return users;
}

const idsOf = (users: readonly ListedUser[]): string[] => users.map(({ id }) => id);

describe("a page of users", () => {
  it("sorted by a figure begins with those who have the most of it, whether or not they have an account", async () => {
    for (const id of ["user2", "user10", "user1"]) await directory().put(id, entryOf(id), 1);
    const ranking = [rankedOf("user10", { cost: 5 }), rankedOf("token-user", { cost: 9 })];
    const users = await listed(ranking, "cost");
    expect(idsOf(users)).toEqual(["token-user", "user10", "user1", "user2"]);
    expect(users.map(({ entry, usage }) => [entry?.id ?? null, usage?.cost ?? null])).toEqual([
      [null, 9],
      ["user10", 5],
      ["user1", null],
      ["user2", null],
    ]);
  });

  it("in natural order has users without an account in their places", async () => {
    for (const id of ["user2", "user10"]) await directory().put(id, entryOf(id), 1);
    const ranking = [rankedOf("user3"), rankedOf("zoe"), rankedOf("user2"), rankedOf("anon")];
    for (const limit of [1, 2, 50]) {
      expect(idsOf(await listed(ranking, "id", { limit }))).toEqual([
        "anon",
        "user2",
        "user3",
        "user10",
        "zoe",
      ]);
    }
  });

  it("of addresses has no account, even if a user's id is the same text", async () => {
    await directory().put("192.0.2.1", entryOf("192.0.2.1"), 1);
    const query: ListQuery = {
      sort: "requests",
      filter: { ...ANYONE, hasAccount: false },
      after: null,
      limit: 5,
    };
    const { users } = await pageOfUsers(NOBODY, [rankedOf("192.0.2.1")], query);
    expect(users).toMatchObject([{ id: "192.0.2.1", entry: null }]);
  });

  it("is a page of the whole list, for any filter, order and page size", async () => {
    const id = fc.string({ unit: fc.constantFrom("a", "B", "1", "2", "0", "-"), minLength: 1, maxLength: 4 });
    const accounts = fc.uniqueArray(
      fc.record({
        id,
        name: fc.constantFrom("", "Ab", "1 b", "zz"),
        tier: fc.constantFrom("free", "pro"),
        status: fc.constantFrom("active", "blocked" as const),
        isDeleted: fc.constantFrom(false, false, false, true),
      }),
      { selector: (account) => account.id, minLength: 4, maxLength: 12 },
    );
    const traffic = fc.uniqueArray(
      fc.record({ id, cost: fc.nat(2), denied: fc.nat(2), seconds: fc.nat(3) }),
      { selector: (user) => user.id, minLength: 2, maxLength: 10 },
    );
    const filters = fc.record({
      tier: fc.constantFrom(null, null, "free"),
      status: fc.constantFrom(null, null, "active", "blocked" as const),
      text: fc.constantFrom(null, null, "a", "B", "1"),
      hasAccount: fc.constantFrom(null, null, true, false),
    });
    const sort = fc.constantFrom<UserSort[]>(...FIGURES, "id", "match");
    let shown = 0;
    await fc.assert(
      fc.asyncProperty(
        accounts,
        traffic,
        filters,
        sort,
        fc.integer({ min: 1, max: 7 }),
        async (all, some, filter, by, limit) => {
          await directory().clear();
          const entries = all.map(({ isDeleted, ...account }) =>
            entryOf(account.id, isDeleted ? { ...account, status: "blocked", deleted: true } : account),
          );
          for (const entry of entries) await directory().put(entry.id, entry, 1);
          const ranking = some.map(({ id: user, cost, denied, seconds }) => {
            const lastSeenAt = new Date(seconds * 1_000).toISOString();
            return rankedOf(user, { requests: cost + denied, cost, denied, decided: 2, lastSeenAt });
          });
          const order = by === "match" && filter.text === null ? "id" : by;
          const users = await listed(ranking, order, { filter, limit });
          expect(idsOf(users)).toEqual(expectedIds(entries, ranking, filter, order));
          shown += users.length;
        },
      ),
      { numRuns: 60 },
    );
    expect(shown).toBeGreaterThan(60);
  });
});

/** The whole list, made and sorted at once. */
function expectedIds(
  entries: readonly DirectoryEntry[],
  ranking: readonly RankedUser[],
  { tier, status, text, hasAccount }: ListQuery["filter"],
  sort: UserSort,
): string[] {
  const byId = new Map(entries.map((entry) => [entry.id, entry]));
  const has = (whole: string) => whole.toLowerCase().includes((text ?? "").toLowerCase());
  const users = [...new Set([...byId.keys(), ...ranking.map(({ id }) => id)])].map((id) => {
    const entry = byId.get(id);
    const ranked = ranking.find((user) => user.id === id);
    const account = entry?.deleted === true ? undefined : entry;
    return { id, account, name: entry?.name ?? "", status: entry?.status ?? "active", ranked };
  });
  const rankOf = ({ id, name }: { readonly id: string; readonly name: string }): number => {
    const part = (text ?? "").toLowerCase();
    if (id.toLowerCase() === part) return 0;
    if (id.toLowerCase().startsWith(part)) return 1;
    return name.toLowerCase().startsWith(part) ? 2 : 3;
  };
  const valueOf = (user: (typeof users)[number]): number => {
    if (sort === "id") return 0;
    if (sort === "match") return -rankOf(user);
    return user.ranked ? figureOf(user.ranked, figureNamed(sort)) : -1;
  };
  return users
    .filter((user) => tier === null || user.account?.tier === tier)
    .filter((user) => status === null || user.status === status)
    .filter((user) => hasAccount === null || (user.account !== undefined) === hasAccount)
    .filter((user) => text === null || has(user.id) || has(user.name))
    .toSorted((a, b) => valueOf(b) - valueOf(a) || comparePlaces(placeOf(a.id), placeOf(b.id)))
    .map(({ id }) => id);
}

function figureNamed(sort: UserSort): Figure {
  const figure = FIGURES.find((known) => known === sort);
  if (!figure) throw new Error(`${sort} is no figure`);
  return figure;
}

describe("GET /users", () => {
  it("joins accounts with what they sent, and names tiers that the policy lacks", async () => {
    const edge = await startEdge();
    const operator = new Operator(edge);
    const [busy, idle] = [await createAccount(edge), await createAccount(edge)];
    await directory().put("lost", entryOf("lost", { tier: "retired" }), 1);
    const { key } = await issueKey(edge, busy);
    for (let i = 0; i < 3; i++) await edge.request("/identify", { headers: { "X-API-Key": key } });
    await edge.backgroundDone();
    const { users, usage, cursor } = await operator.get("users", "/users");
    expect(cursor).toBeNull();
    expect(usage).toMatchObject({ backend: "embedded", sampled: false, isComplete: true });
    const found = new Map(users.map((user) => [user.id, user]));
    expect(users[0]?.id).toBe(busy);
    expect(found.get(busy)).toMatchObject({
      kind: "account",
      status: "active",
      account: { orphaned: false },
      usage: { requests: 3, decided: 3, lastSeenAt: expect.any(String) },
    });
    expect(found.get(idle)).toMatchObject({ usage: { requests: 0, lastSeenAt: null } });
    expect(found.get("lost")).toMatchObject({ account: { tier: "retired", orphaned: true } });
  });

  it("has callers without a credential only if they are asked for", async () => {
    const edge = await startEdge();
    const operator = new Operator(edge);
    const address = "192.0.2.77";
    await edge.request("/identify", { headers: { "CF-Connecting-IP": address } });
    await edge.backgroundDone();
    const ids = async (query: string) =>
      (await operator.get("users", `/users?${query}`)).users.map(({ id }) => id);
    expect(await ids("limit=100")).not.toContain(address);
    expect(await ids("kind=address&limit=100")).toContain(address);
  });

  it("lists accounts without figures while analytics do not answer", async () => {
    const edge = await startEdge({ bindings: { ANALYTICS: "engine" } });
    const operator = new Operator(edge);
    const id = await createAccount(edge);
    const { users, usage } = await operator.get("users", `/users?search=${id}`);
    expect(usage).toBeNull();
    expect(users).toMatchObject([{ id, kind: "account", usage: null }]);
  });

  it.each([
    ["sort=name", "400 /sort"],
    ["sort=match", "400 /sort"],
    ["kind=deleted", "400 /kind"],
    ["search=", "400 /search"],
    ["status=gone", "400 /status"],
    ["from=2026-01-01&to=2025-01-01", "400 /from"],
    ["from=2020-01-01&to=2025-01-01", "400 /from"],
    ["limit=1000", "400 /limit"],
    ["cursor=AAAA", "400 /cursor"],
    [`sort=cost&cursor=${cursorOf('["id",0,"a"]')}`, "400 /cursor"],
    [`sort=cost&cursor=${cursorOf('["cost","1","a"]')}`, "400 /cursor"],
  ])("is not answered with %s", async (query, rejection) => {
    const operator = new Operator(await startEdge());
    expect(await operator.rejection("GET", `/users?${query}`)).toBe(rejection);
  });
});

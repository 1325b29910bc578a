/**
 * The directory of accounts: the newest value of each wins, whatever the order, and the list is found whole by any filter and
 * any page size.
 */
import { abortAllDurableObjects, reset, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { MIGRATIONS } from "../../durable-objects/account-directory/directory-book.ts";
import { listUsers } from "../../durable-objects/account-directory/users.ts";
import { naturalKey } from "../../src/natural-order.ts";
import {
  type DirectoryEntry,
  type DirectoryFilter,
  directoryOf,
  type LimitUse,
  type PolicyUse,
  type UserFilter,
  type UserPage,
  type UserPosition,
} from "../../src/objects/account-directory.ts";

// Many calls one after the other, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

beforeEach(() => reset());

const ALL: DirectoryFilter = { tier: null, status: null, text: null, deleted: false };
const directory = () => directoryOf(env.ACCOUNT_DIRECTORY);

function entry(id: string, version: number, given: Partial<DirectoryEntry> = {}): DirectoryEntry {
  return {
    id,
    name: `Name of ${id}`,
    tier: "free",
    status: "active",
    createdMs: 1,
    updatedMs: version,
    version,
    ...given,
  };
}

/** The whole list, page by page. Each page but the last is full. */
async function listed(filter: Partial<DirectoryFilter> = {}, pageSize = 3): Promise<DirectoryEntry[]> {
  const found: DirectoryEntry[] = [];
  let after: string | null = "";
  while (after !== null) {
    const page: { entries: readonly DirectoryEntry[]; next: string | null } = await directory().list(
      { ...ALL, ...filter },
      after,
      pageSize,
    );
    found.push(...page.entries);
    expect(found.length, "the list has an end").toBeLessThan(1_000);
    if (page.next !== null) expect(page.entries).toHaveLength(pageSize);
    after = page.next;
  }
  return found;
}

const idsOf = (entries: readonly DirectoryEntry[]): string[] => entries.map(({ id }) => id);

describe("an account in the directory", () => {
  it("is what was published last, and survives a restart", async () => {
    await directory().put("ann", entry("ann", 1), 1);
    await directory().put("ann", entry("ann", 2, { tier: "pro", status: "blocked", name: "Ann" }), 2);
    await abortAllDurableObjects();
    expect(await listed()).toEqual([entry("ann", 2, { tier: "pro", status: "blocked", name: "Ann" })]);
    expect(await listed({ text: "name of" })).toEqual([]);
  });

  it("is gone when it is deleted, and a late older value does not restore it", async () => {
    await directory().put("ann", entry("ann", 1), 1);
    await directory().put("ann", null, 3);
    await directory().put("ann", entry("ann", 2), 2);
    await directory().put("ann", entry("ann", 3), 3);
    expect(await listed()).toEqual([]);
    expect(await listed({ text: "ann" })).toEqual([]);
  });

  it("returns when it is created again", async () => {
    await directory().put("ann", null, 3);
    await directory().put("ann", entry("ann", 4, { name: "Anew" }), 4);
    expect(await listed({ text: "anew" })).toEqual([entry("ann", 4, { name: "Anew" })]);
  });

  it("is the newest of all published values, in any order and repetition", async () => {
    const published = fc.record({
      id: fc.constantFrom("a", "b", "c"),
      version: fc.integer({ min: 1, max: 6 }),
    });
    // A version stands for one value: what the account was then, or that it was deleted.
    const valueOf = ({ id, version }: { id: string; version: number }): DirectoryEntry | null =>
      version % 3 === 0 ? null : entry(id, version, { tier: `tier-${version}` });
    await fc.assert(
      fc.asyncProperty(fc.array(published, { minLength: 1, maxLength: 20 }), async (all) => {
        await directory().clear();
        const newest = new Map<string, number>();
        for (const each of all) {
          await directory().put(each.id, valueOf(each), each.version);
          newest.set(each.id, Math.max(each.version, newest.get(each.id) ?? 0));
        }
        const expected = [...newest]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .flatMap(([id, version]) => valueOf({ id, version }) ?? []);
        expect(await listed()).toEqual(expected);
      }),
      { numRuns: 40 },
    );
  });
});

describe("the list", () => {
  it("is empty before the first account, and reading it writes nothing", async () => {
    expect(await listed()).toEqual([]);
    const tables = await runInDurableObject(directory(), (_object, { storage }) =>
      storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'accounts'").toArray(),
    );
    expect(tables).toEqual([]);
  });

  it("is empty after it was cleared, and filled again", async () => {
    await directory().put("ann", entry("ann", 7), 7);
    await directory().clear();
    expect(await listed()).toEqual([]);
    await directory().put("ann", entry("ann", 2), 2);
    expect(idsOf(await listed())).toEqual(["ann"]);
  });

  it("is in the order of ids, byte by byte", async () => {
    for (const id of ["b", "B", "a|1", "a", "~", "!", "a/b", "10", "9"]) {
      await directory().put(id, entry(id, 1), 1);
    }
    expect(idsOf(await listed({}, 2))).toEqual(["!", "10", "9", "B", "a", "a/b", "a|1", "b", "~"]);
  });

  it("takes special characters literally", async () => {
    const names = [
      "100%",
      "100 percent",
      "under_score",
      "underXscore",
      "back\\slash",
      "it's",
      "Ünïcode",
      "<b>",
      "日本",
    ];
    for (const [i, name] of names.entries())
      await directory().put(`id-${i}`, entry(`id-${i}`, 1, { name }), 1);
    const search = async (text: string) => (await listed({ text })).map(({ name }) => name);
    expect(await search("%")).toEqual(["100%"]);
    expect(await search("_")).toEqual(["under_score"]);
    expect(await search("\\")).toEqual(["back\\slash"]);
    expect(await search("'")).toEqual(["it's"]);
    expect(await search("*")).toEqual([]);
    expect(await search("?")).toEqual([]);
    expect(await search("id-3")).toEqual(["underXscore"]);
    expect(await search("日")).toEqual(["日本"]);
  });

  it("is searched without regard to case, in every alphabet", async () => {
    await directory().put("Ann@Example.com", entry("Ann@Example.com", 1, { name: "ÄRGER & Søn" }), 1);
    for (const text of ["ANN", "example.COM", "ärger", "SØN", "& sø"]) {
      expect(idsOf(await listed({ text }))).toEqual(["Ann@Example.com"]);
    }
  });

  it("is searched for as long a text as a name may be", async () => {
    const name = "Long ".repeat(40);
    await directory().put("ann", entry("ann", 1, { name }), 1);
    await directory().put("bob", entry("bob", 1), 1);
    for (const length of [48, 49, 50, 51, 200]) {
      expect(idsOf(await listed({ text: name.slice(0, length) }))).toEqual(["ann"]);
    }
    expect(await listed({ text: "x".repeat(200) })).toEqual([]);
  });

  it("has every account that matches a filter, once, whatever the page size", async () => {
    const accounts = fc.uniqueArray(
      fc.record({
        id: fc.string({ unit: fc.constantFrom("a", "B", "%", "_", "\\", "1"), minLength: 1, maxLength: 6 }),
        name: fc.string({ unit: fc.constantFrom("a", "A", "%", "_", "\\", " ", "é"), maxLength: 6 }),
        tier: fc.constantFrom("free", "pro"),
        status: fc.constantFrom("active", "blocked" as const),
        isDeleted: fc.boolean(),
      }),
      { selector: ({ id }) => id, minLength: 8, maxLength: 20 },
    );
    const filters = fc.record({
      tier: fc.constantFrom(null, null, null, "free", "pro", "gone"),
      status: fc.constantFrom(null, null, "active", "blocked" as const),
      text: fc.option(
        fc.string({ unit: fc.constantFrom("a", "B", "%", "_", "\\", "É"), minLength: 1, maxLength: 2 }),
        { freq: 1 },
      ),
    });
    let hits = 0;
    await fc.assert(
      fc.asyncProperty(accounts, filters, fc.integer({ min: 1, max: 7 }), async (all, filter, pageSize) => {
        await directory().clear();
        for (const { isDeleted, ...account } of all) {
          await directory().put(account.id, isDeleted ? null : entry(account.id, 1, account), 1);
        }
        const has = (part: string, whole: string) => whole.toLowerCase().includes(part.toLowerCase());
        const expected = all
          .filter(({ isDeleted }) => !isDeleted)
          .filter(({ tier }) => filter.tier === null || tier === filter.tier)
          .filter(({ status }) => filter.status === null || status === filter.status)
          .filter(({ id, name }) => filter.text === null || has(filter.text, id) || has(filter.text, name))
          .map(({ id }) => id)
          .toSorted((a, b) => (a < b ? -1 : 1));
        expect(idsOf(await listed(filter, pageSize))).toEqual(expected);
        hits += expected.length;
      }),
      { numRuns: 30 },
    );
    expect(hits).toBeGreaterThan(40);
  });
});

const ANYONE: UserFilter = { tier: null, status: null, text: null, hasAccount: null, order: "natural" };

describe("the list of users", () => {
  /** Page by page. */
  async function users(filter: Partial<UserFilter> = {}, pageSize = 3): Promise<string[]> {
    const ids: string[] = [];
    let after: UserPosition | null = null;
    for (;;) {
      const page: UserPage = await directory().users({ ...ANYONE, ...filter }, after, pageSize);
      ids.push(...page.users.map(({ entry: { id } }) => id));
      expect(ids.length, "the list has an end").toBeLessThan(1_000);
      const last = page.users.at(-1);
      if (!last || page.users.length < pageSize) return ids;
      after = { rank: last.rank, id: last.entry.id };
    }
  }

  it("is in natural order, whatever the page size, and reading it before the first account writes nothing", async () => {
    expect(await users()).toEqual([]);
    const ids = ["user10", "User2", "user1", "user2", "a", "team-9/x", "team-10/x", "user02", "~"];
    for (const id of ids) await directory().put(id, entry(id, 1), 1);
    const expected = ["a", "team-9/x", "team-10/x", "user1", "User2", "user02", "user2", "user10", "~"];
    for (const pageSize of [1, 2, 4, 9, 100]) expect(await users({}, pageSize)).toEqual(expected);
  });

  it("begins with the id that was searched for, then ids and names that begin with it, then the rest", async () => {
    const names = {
      joann: "Jo",
      ann10: "",
      ann2: "",
      bob: "Annabel",
      carl: "Joanna",
      ANN: "Zoe",
      eve: "Eve",
    };
    for (const [id, name] of Object.entries(names)) await directory().put(id, entry(id, 1, { name }), 1);
    const expected = ["ANN", "ann2", "ann10", "bob", "carl", "joann"];
    for (const pageSize of [1, 2, 3, 50]) {
      expect(await users({ text: "Ann", order: "match" }, pageSize)).toEqual(expected);
    }
    expect(await users({ text: "Ann" })).toEqual(["ANN", "ann2", "ann10", "bob", "carl", "joann"]);
  });

  it("has the block of a deleted account among users without one, and forgets who is gone", async () => {
    await directory().put("here", entry("here", 1), 1);
    await directory().put("mark", { ...entry("mark", 2), status: "blocked", deleted: true }, 2);
    await directory().put("gone", null, 2);
    expect(await users()).toEqual(["here", "mark"]);
    expect(await users({ hasAccount: true })).toEqual(["here"]);
    expect(await users({ hasAccount: false })).toEqual(["mark"]);
    expect(await users({ status: "blocked" })).toEqual(["mark"]);
    // Without an account there is no tier.
    expect(await users({ tier: "free" })).toEqual(["here"]);
  });

  it("says of given ids who is listed and who passes a filter", async () => {
    for (const id of ["a", "b", "c"])
      await directory().put(id, entry(id, 1, { tier: id === "b" ? "pro" : "free" }), 1);
    await directory().put("gone", null, 2);
    const found = await directory().find(["a", "b", "gone", "nobody", '"]'], { ...ANYONE, tier: "pro" });
    expect(found).toEqual({
      passing: [{ ...entry("b", 1, { tier: "pro" }), deleted: false }],
      others: ["a"],
    });
    expect(await directory().find([], ANYONE)).toEqual({ passing: [], others: [] });
  });

  it("reads the first page of ten thousand from an index", async () => {
    await directory().put("a", entry("a", 1), 1);
    await runInDurableObject(directory(), async (_object, { storage }) => {
      for (let i = 0; i < 10_000; i++) {
        const values = [`user${i}`, `user${i}\n`, naturalKey(`user${i}`)];
        storage.sql.exec(
          `INSERT INTO accounts (id, name, search, tier, status, created_ms, updated_ms, version, deleted, uses, natural_key)
           VALUES (?, '', ?, 'free', 'active', 1, 1, 1, 0, '[]', ?)`,
          ...values,
        );
      }
      const read = (filter: UserFilter, after: UserPosition | null) => {
        const counted = { rows: 0 };
        const exec = (query: string, ...bindings: SqlStorageValue[]) => {
          const cursor = storage.sql.exec(query, ...bindings);
          const rows = cursor.toArray();
          counted.rows += cursor.rowsRead;
          return rows;
        };
        listUsers({ exec }, filter, after, 51);
        return counted.rows;
      };
      expect(read(ANYONE, null)).toBeLessThan(200);
      expect(read(ANYONE, { rank: 0, id: "user9000" })).toBeLessThan(200);
    });
  });
});

describe("what accounts use of the policy", () => {
  const NOW_MS = 1_000;
  const tier = (name: string): PolicyUse => ({ tier: name, limit: null, shape: null });
  const override = { limit: "month", shape: { per: "hour", amount: 1 }, untilMs: null } as const;
  const granted = (untilMs: number): LimitUse => ({ limit: "day", shape: null, untilMs });

  /** Each use with how many have it. */
  async function used(nowMs = NOW_MS): Promise<Record<string, number>> {
    const { uses } = await directory().uses();
    const users = await directory().usersOf(uses, nowMs, 100);
    return Object.fromEntries(
      users.map(({ use, count }) => [
        [use.tier, use.limit, use.shape && "own"].filter(Boolean).join(" "),
        count,
      ]),
    );
  }

  it("is listed once for each use, with the first ids, and follows every change", async () => {
    expect(await directory().uses()).toEqual({ uses: [], isComplete: true });
    for (const id of ["g", "f", "e", "d", "c", "b", "a"]) {
      await directory().put(id, entry(id, 1, { tier: "pro", uses: [override, granted(2_000)] }), 1);
    }
    expect(await used()).toEqual({ pro: 7, "pro day": 7, "pro month own": 7 });
    const [users] = await directory().usersOf([tier("pro")], NOW_MS, 1);
    expect(users).toEqual({ use: tier("pro"), count: 7, examples: ["a", "b", "c", "d", "e"] });
    await directory().put("a", entry("a", 2, { tier: "free", uses: [override] }), 2);
    await directory().put("b", entry("b", 2, { tier: "pro", uses: [] }), 2);
    await directory().put("c", null, 2);
    await directory().put("d", { ...entry("d", 2, { tier: "pro" }), status: "blocked", deleted: true }, 2);
    // An older value that comes late changes nothing.
    await directory().put("a", entry("a", 1, { tier: "pro", uses: [granted(9_000)] }), 1);
    expect(await used()).toEqual({ free: 1, "free month own": 1, pro: 4, "pro day": 3, "pro month own": 3 });
    expect(await used(2_000)).toEqual({ free: 1, "free month own": 1, pro: 4, "pro month own": 3 });
    expect((await directory().uses()).isComplete).toBe(true);
  });

  it("includes a grant for as long as the last of several", async () => {
    await directory().put("a", entry("a", 1, { uses: [granted(5_000), granted(2_000)] }), 1);
    expect(await used(4_999)).toMatchObject({ "free day": 1 });
    expect(await used(5_000)).toEqual({ free: 1 });
  });

  it("is found behind any number of grants that have ended", async () => {
    const ended = Array.from({ length: 60 }, (_, i) => ({ ...granted(NOW_MS), limit: `ended-${i}` }));
    await directory().put("a", entry("a", 1, { uses: [...ended, override] }), 1);
    const { uses } = await directory().uses();
    const own = uses.filter(({ limit }) => limit !== null);
    expect(own).toHaveLength(61);
    const users = await directory().usersOf(own, NOW_MS, 50);
    expect(users.map(({ use, count }) => [use.limit, count])).toEqual([["month", 1]]);
    expect(await directory().usersOf(own, NOW_MS - 1, 50)).toHaveLength(50);
  });

  it("is only the tier of an account that an older Worker reported, until it is reported again", async () => {
    await directory().put("old", entry("old", 3), 3);
    await directory().put("new", entry("new", 1, { uses: [override] }), 1);
    expect((await directory().uses()).isComplete).toBe(false);
    expect(await used()).toEqual({ free: 2, "free month own": 1 });
    // As a rebuild does: the same version, and what it uses.
    await directory().put("old", entry("old", 3, { uses: [override] }), 3);
    expect((await directory().uses()).isComplete).toBe(true);
    expect(await used()).toEqual({ free: 2, "free month own": 2 });
  });

  it("is migrated from the first schema: tiers and order at once, the rest when it is published again", async () => {
    const [first] = MIGRATIONS;
    if (typeof first !== "string") throw new Error("there is no first migration");
    await runInDurableObject(directory(), (_object, { storage }) => {
      storage.sql.exec(first);
      storage.kv.put("schemaVersion", 1);
      const columns =
        "('ann', 'Ann', 'ann', 'pro', 'active', 1, 1, 1, 0), ('gone', '', '', '', '', 0, 0, 4, 1)";
      storage.sql.exec(`INSERT INTO accounts VALUES ${columns}`);
      for (let i = 0; i < 1_001; i++) {
        const values = [`u${i}`, "", `u${i}\n`, "free", "active", 1, 1, 1, 0];
        storage.sql.exec("INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", ...values);
      }
    });
    await abortAllDurableObjects();
    const { users } = await directory().users({ ...ANYONE, text: "u" }, null, 2_000);
    expect(users.map(({ entry: { id } }) => id)).toEqual(Array.from({ length: 1_001 }, (_, i) => `u${i}`));
    expect(idsOf(await listed({ text: "ann" }))).toEqual(["ann"]);
    expect(await used()).toEqual({ free: 1_001, pro: 1 });
    expect((await directory().uses()).isComplete).toBe(false);
    await directory().put("gone", entry("gone", 4), 4);
    await directory().put("ann", entry("ann", 2, { tier: "free", uses: [] }), 2);
    expect(await used()).toEqual({ free: 1_002 });
  });
});

/**
 * The current code opens the storage of released Workers: nothing is lost, no released migration is edited, and storage of a newer
 * Worker is rejected.
 */
import { evictDurableObject, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as register from "../../durable-objects/billing-register/register-rows.ts";
import * as desk from "../../durable-objects/webhook-desk/desk-tables.ts";
import * as directory from "../../durable-objects/account-directory/directory-book.ts";
import * as hub from "../../durable-objects/metrics-hub.ts";
import { CHUNK_SCHEMA } from "../../durable-objects/analytics-store/chunk.ts";
import { migrate, type Migration } from "../../durable-objects/migrations.ts";
import * as registry from "../../durable-objects/policy-registry.ts";
import { MIGRATIONS } from "../../durable-objects/user-limiter/schema.ts";
import { MetricStore } from "../../src/analytics/metrics/metric-store.ts";
import stores from "../fixtures/released-stores.json";
import { HOUR_MS } from "../../src/core/time.ts";
import { bucket, publishLimits, quota, START_MS, startClock, stopClock } from "./fixture.ts";
import { UserObject } from "./user-object.ts";

beforeEach(startClock);
afterEach(stopClock);

/**
 * Digests of the released migrations, in order. For a new migration, add the line that the test prints. If a line changes, a released
 * migration was edited: stores that have run it stay as they are and differ from new ones. Undo the edit, and write another migration.
 */
const RELEASED = {
  UserLimiter: [
    "b0ed9d6eb7c1bcba",
    "0c599b070685849f",
    "892bf773a9c33e50",
    "d3beda0aabadd15e",
    "60c738a65d3d4626",
    "182a1ab2b4efa6f8",
    "e4104fc1195ce83c",
    "142e520402eecc95",
    "08b40b015be9c322",
    "cc061f72fd1bbb80",
    "1b1400e73b890a22",
    "3d36c99ee40c260a",
    "d0ae11d6ffe2a8a6",
    "688b5d71100d34b3",
    "d415845ef052fa39",
    "b2b749df008f0417",
  ],
  BillingRegister: ["af38f38d9265bd76", "b228366bd2817fd0", "95cba204169894ec", "005d0f049bf7b7d0"],
  PolicyRegistry: ["66bd50ad5c40ae34"],
  AccountDirectory: ["010a1bc95eb26f44", "f4d651581aba4107", "d7351be6ee12bf17"],
  WebhookDesk: ["2a8266760c245064"],
  MetricsHub: ["b7c4b079f294c8e7"],
  /** Not created by a migration, but equally frozen. */
  "MetricsHub points": ["ae007ff83ab8f8b9"],
};

type Store = (typeof stores)[number];
type Bindings = Record<string, SqlStorageValue>;

const storesOf = (object: string): Store[] => stores.filter((store) => store.object === object);

/** Writes a fixture's store into empty storage. */
function load({ sql, kv }: DurableObjectStorage, { tables, rows, values }: Store): void {
  for (const table of tables) sql.exec(table);
  for (const [table, found] of Object.entries<Bindings[]>(rows)) {
    for (const row of found) {
      const names = Object.keys(row);
      sql.exec(
        `INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`,
        ...Object.values(row),
      );
    }
  }
  for (const [key, value] of Object.entries(values)) kv.put(key, value);
}

async function digest(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return [...new Uint8Array(bytes, 0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Digests of the migrations' SQL; for a function, whose text is lost in compilation, of the schema that it leaves. */
async function digests(migrations: readonly Migration[]): Promise<string[]> {
  const texts = await new UserObject().inside((_object, { storage }) =>
    migrations.map((migration, i) => {
      migrate(storage, migrations.slice(0, i + 1));
      if (typeof migration === "string") return migration;
      const schema = storage.sql.exec(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY name",
      );
      return JSON.stringify(schema.toArray());
    }),
  );
  return Promise.all(texts.map(digest));
}

describe("a released migration", () => {
  it.each<[keyof typeof RELEASED, readonly Migration[]]>([
    ["UserLimiter", MIGRATIONS],
    ["PolicyRegistry", registry.MIGRATIONS],
    ["AccountDirectory", directory.MIGRATIONS],
    ["BillingRegister", register.MIGRATIONS],
    ["WebhookDesk", desk.MIGRATIONS],
    ["MetricsHub", hub.MIGRATIONS],
    ["MetricsHub points", [CHUNK_SCHEMA]],
  ])("is never edited: %s", async (object, migrations) => {
    expect(await digests(migrations)).toEqual(RELEASED[object]);
  });
});

describe("a user's store of each released version", () => {
  const limits = () => publishLimits(bucket(1, "day", 50), quota(1_000, "month"));

  /** Each store as it was, and as each later Worker left it if it only ran its migrations. */
  const versions = storesOf("UserLimiter").flatMap((store) => {
    const { schemaVersion: version } = store.values;
    if (version === undefined) return [{ store, steps: 0, what: store.what }];
    return MIGRATIONS.slice(version - 1).map((_, i) => ({
      store,
      steps: version + i,
      what: `${store.what}, then ${version + i}`,
    }));
  });

  async function opened({ store, steps }: (typeof versions)[number]): Promise<UserObject> {
    vi.setSystemTime(START_MS + HOUR_MS);
    const user = new UserObject(await limits());
    await user.inside((_object, { storage }) => {
      load(storage, store);
      if (steps > 0) migrate(storage, MIGRATIONS.slice(0, steps));
    });
    await user.evict();
    return user;
  }

  it.each(versions.filter(({ store }) => store.rows.account))(
    "keeps counters, ledger, account, keys and what is remembered: $what",
    async (version) => {
      const user = await opened(version);
      // 8 of the bucket's 50 are spent, and have refilled for an hour; 8 of 1,000 and a grant of 5 of the quota's.
      expect(await user.remaining()).toEqual([42.041, 997]);
      const { usage, tier, status } = await user.status();
      expect([tier, status]).toEqual(["free", "active"]);
      expect(usage.hour).toEqual({ requests: 5, cost: 5, denied: 0 });
      expect(usage.month).toEqual({ requests: 8, cost: 8, denied: 0 });
      expect(await user.stub.account()).toMatchObject({
        kind: "account",
        account: { user: "ann", name: "Ann", tier: "free", createdMs: START_MS },
        keys: [
          { keyId: "k1", name: "first", revokedMs: null },
          { keyId: "k2", name: "second", revokedMs: START_MS },
        ],
      });
      expect([await user.stub.keyStanding("k1"), await user.stub.keyStanding("k2")]).toEqual([
        "good",
        "revoked",
      ]);
      const audit = await user.stub.audit(Number.MAX_SAFE_INTEGER, 10);
      expect(audit?.map(({ action }) => action).toSorted()).toEqual([
        "account.create",
        "account.grant",
        "key.create",
        "key.create",
        "key.revoke",
      ]);
      await user.decide({ idempotencyKey: "order-1" });
      expect(await user.remaining()).toEqual([42.041, 997]);
      await user.decide({ keyId: "k1" });
      await user.pause();
      await user.evict();
      expect(await user.remaining()).toEqual([41.041, 996]);
    },
  );

  it.each(versions.filter(({ store }) => !store.rows.account))(
    "keeps counters and ledger: $what",
    async (version) => {
      const user = await opened(version);
      expect(await user.remaining()).toEqual([43.041, 993]);
      expect((await user.status()).usage.month).toEqual({ requests: 7, cost: 7, denied: 0 });
      await user.decide();
      await user.pause();
      await user.evict();
      expect(await user.remaining()).toEqual([42.041, 992]);
      expect((await user.status()).usage.month).toEqual({ requests: 8, cost: 8, denied: 0 });
      await user.stub.createAccount("ann", { name: "Ann", tier: "free" });
      await user.evict();
      expect(await user.remaining()).toEqual([42.041, 992]);
    },
  );
});

type Values = Readonly<Record<string, unknown>>;

/** Puts a class's released store and other values into an object, and reloads the object. */
async function putStore(
  stub: DurableObjectStub<Rpc.DurableObjectBranded & DurableObject>,
  object: string,
  values: Values,
): Promise<void> {
  await runInDurableObject(stub, (_object, { storage }) => {
    for (const store of storesOf(object)) load(storage, store);
    for (const [key, value] of Object.entries(values)) storage.kv.put(key, value);
  });
  await evictDurableObject(stub);
}

async function openedRegistry(values: Values = {}) {
  const stub = env.POLICY_REGISTRY.getByName(crypto.randomUUID());
  await putStore(stub, "PolicyRegistry", values);
  return stub;
}

async function openedDirectory(values: Values = {}) {
  const stub = env.ACCOUNT_DIRECTORY.getByName(crypto.randomUUID());
  await putStore(stub, "AccountDirectory", values);
  return stub;
}

async function openedHub(values: Values = {}) {
  const stub = env.METRICS_HUB.getByName(crypto.randomUUID());
  await putStore(stub, "MetricsHub", values);
  return stub;
}

const ALL = { tier: null, status: null, text: null, deleted: false };

describe("a released store of", () => {
  it("the registry keeps every revision", async () => {
    const stub = await openedRegistry();
    expect(await stub.newest()).toMatchObject({
      revision: 3,
      document: '{"n":1}',
      restores: 1,
      actor: "bob",
    });
    expect((await stub.revisions(10, 10)).map(({ reason }) => reason)).toEqual(["back", "second", "first"]);
  });

  it("the directory keeps every account, and the mark of a deleted one", async () => {
    const stub = await openedDirectory();
    const page = await stub.list(ALL, "", 10);
    expect(page.entries).toEqual([
      { id: "ann", name: "Ann", tier: "free", status: "active", createdMs: 1, updatedMs: 2, version: 3 },
    ]);
    const late = {
      id: "bob",
      name: "B",
      tier: "free",
      status: "active",
      createdMs: 1,
      updatedMs: 1,
      version: 3,
    } as const;
    await stub.put("bob", late, 3);
    expect((await stub.list(ALL, "", 10)).entries).toHaveLength(1);
  });

  it("the hub keeps its counters and points", async () => {
    const stub = await openedHub();
    const store = new MetricStore();
    store.load(await stub.metrics(), Date.now());
    expect(store.total("requests")).toBe(3);
    const kept = await runInDurableObject(stub, (_object, { storage }) =>
      storage.sql.exec("SELECT sum(rows) AS points FROM points").one(),
    );
    expect(kept).toEqual({ points: 3 });
  });
});

describe("a store of a newer Worker", () => {
  const newer = { schemaVersion: 99 };

  it.each<[object: string, ask: () => Promise<unknown>]>([
    ["the registry", async () => (await openedRegistry(newer)).newest()],
    ["the directory", async () => (await openedDirectory(newer)).list(ALL, "", 1)],
    ["the hub", async () => (await openedHub(newer)).metrics()],
  ])("is rejected: %s", async (_object, ask) => {
    await expect(ask()).rejects.toThrow("storage has schema 99");
  });

  it("of the directory can be cleared and rebuilt", async () => {
    const stub = await openedDirectory(newer);
    await stub.clear();
    expect(await stub.list(ALL, "", 1)).toEqual({ entries: [], next: null });
  });
});

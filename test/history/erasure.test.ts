/**
 * Erasure of a billed user: nothing that storage holds has their personal data any more, numbered documents and the ledger are byte for
 * byte as before, and what cannot be erased at once is erased later, whatever crashes meanwhile.
 */
import { describe, expect, it } from "vitest";
import type { ErasedAnswer } from "../../src/objects/account.ts";
import { stripeCustomerSchema, stripeRowSchema } from "../../src/objects/stripe.ts";
import { type BilledUser, stopTime } from "./billed-user.ts";
import { account, invoices, policy } from "./closed-user.ts";

stopTime();

const DUE = { reviewMinutes: 60 };
/** Each is part of some text that somebody wrote about the user. */
const SECRETS = ["Hedwig", "Blocksberg", "hedwig@", "goodwill", "broomstick", "complained"];
const BY = { actor: "operator", reason: "Hedwig has complained" };

/** Everything in storage, by table, as text; `except` leaves rows out. */
function stored(user: BilledUser, isKept: (table: string, row: object) => boolean = () => true): string {
  const tables = user.disk.exec("SELECT name FROM sqlite_master WHERE type = 'table'", []);
  const rows = tables.flatMap(({ name }) =>
    user.disk
      .exec(`SELECT * FROM ${String(name)}`, [])
      .filter((row) => isKept(String(name), row))
      .map((row) => JSON.stringify([name, row])),
  );
  return [...rows, JSON.stringify([...user.disk.kv])].join("\n");
}

/** All but numbered documents, which the law requires with the customer's details. */
const withoutNumbered = (user: BilledUser): string =>
  stored(
    user,
    (table, row) => !/^(invoices|credit_notes)$/.test(table) || Reflect.get(row, "number") === null,
  );

const secretsIn = (text: string): string[] => SECRETS.filter((secret) => text.includes(secret));

/** The numbered documents, as they are stored. */
const numbered = (user: BilledUser): string[] =>
  invoices(user)
    .filter(({ number }) => number !== null)
    .map(({ text, sha256, number }) => JSON.stringify([text, sha256, number]));

/** A user with texts everywhere, one numbered invoice, and usage in the open period. */
async function hedwig(): Promise<BilledUser> {
  const user = await account(policy("31", DUE));
  const { object } = user;
  const customer = { name: "Hedwig Blocksberg", email: "hedwig@example.com", country: "DE" };
  await object.changeBilling({ customer }, user.revision, BY);
  await object.changeAccount({ name: "Hedwig's broomstick" }, BY);
  const key = { keyId: "k1", hash: "h1", name: "Hedwig's key", scopes: ["call"], expiresMs: null } as const;
  await object.addKey(key, BY);
  const credit = { kind: "promotional", id: "c1", amount: "1", currency: null, effectiveMs: null } as const;
  await object.addCredit({ ...credit, expiresMs: null, source: "goodwill for Hedwig" }, user.revision, BY);
  // As the delivery of an invoice to Stripe stores it.
  const atStripe = {
    step: "open",
    sinceMs: 1,
    attempt: 0,
    customer: "cus_1",
    charges: false,
    stripeId: "in_1",
  };
  const seen = { status: "open", url: "https://pay.example/broomstick", hasFailed: false };
  const error = { kind: "rejected", detail: "Invalid email: hedwig@example.com" };
  const put = "INSERT INTO stripe (name, body) VALUES (?, ?)";
  user.disk.exec(put, ["ann.20251201", JSON.stringify({ ...atStripe, ...seen, error })]);
  user.disk.exec(put, ["customer", JSON.stringify({ id: "cus_1", sent: JSON.stringify(customer) })]);
  user.disk.flush();
  await user.use("/a", 3, "k1");
  await user.passUntil("2026-02-02T00:00:00Z");
  await user.use("/a", 5, "k1");
  user.disk.flush();
  return user;
}

async function erase(user: BilledUser): Promise<Extract<ErasedAnswer, { kind: "erased" }>> {
  const answer = await user.object.eraseAccount(BY);
  user.disk.flush();
  if (answer.kind !== "erased") throw new Error(`the user is ${answer.kind}`);
  return answer;
}

describe("an erased user", () => {
  it("had all of these texts before", async () => {
    const user = await hedwig();
    expect(secretsIn(withoutNumbered(user))).toEqual(SECRETS);
    expect(secretsIn(numbered(user).join())).toEqual(["Hedwig", "Blocksberg", "hedwig@"]);
    expect(user.listed.some((entry) => entry?.includes("Hedwig"))).toBe(true);
  });

  it("keeps the ledger and numbered documents, and nothing else but for the bills that are not numbered yet", async () => {
    const user = await hedwig();
    const [documents, ledger] = [numbered(user), user.ledger()];
    expect(documents).toHaveLength(1);
    expect((await erase(user)).pending).toEqual(["bills", "points"]);
    expect(numbered(user)).toEqual(documents);
    expect(user.ledger()).toEqual(ledger);
    // The customer of the last bill, and its draft.
    const others = stored(user, (table) => !/^(invoices|erasures)$/.test(table));
    expect(secretsIn(others)).toEqual([]);
    expect(user.listed.at(-1)).toBeNull();
    // What the last bill is for is in its document alone, once that has a number.
    await user.passUntil("2026-02-05T00:00:00Z");
    expect(numbered(user).slice(0, 1)).toEqual(documents);
    expect(invoices(user)).toHaveLength(2);
    const last = invoices(user).at(-1);
    expect(last?.document.customer).toMatchObject({ name: "Hedwig Blocksberg", country: "DE" });
    expect(last?.number).not.toBeNull();
    expect(secretsIn(withoutNumbered(user))).toEqual([]);
    expect((await erase(user)).pending).toEqual([]);
    expect(user.ledger()).toEqual(ledger);
  });

  it("is not changed by a second call, nor by one that is repeated", async () => {
    const user = await hedwig();
    const first = await erase(user);
    const before = stored(user);
    user.later(5_000);
    expect(await erase(user)).toEqual(first);
    expect(stored(user)).toBe(before);
    await user.passUntil("2026-02-05T00:00:00Z");
    const after = stored(user);
    expect((await erase(user)).atMs).toBe(first.atMs);
    expect(stored(user)).toBe(after);
  });

  it("keeps the ids at Stripe alone: rows of invoices there can still be read", async () => {
    const user = await hedwig();
    await erase(user);
    const [invoice, customer] = user.disk
      .exec("SELECT body FROM stripe ORDER BY name", [])
      .map(({ body }) => {
        const parsed: unknown = JSON.parse(String(body));
        return parsed;
      });
    expect(customer).toEqual({ id: "cus_1", sent: "" });
    expect(stripeRowSchema.parse(invoice)).toMatchObject({
      stripeId: "in_1",
      url: null,
      error: { kind: "rejected", detail: "" },
    });
    expect(stripeCustomerSchema.parse(customer).id).toBe("cus_1");
  });

  it("may have been deleted earlier", async () => {
    const user = await hedwig();
    await user.object.deleteAccount(BY);
    user.disk.flush();
    await user.passUntil("2026-03-01T00:00:00Z");
    expect(secretsIn(withoutNumbered(user))).toContain("broomstick");
    const documents = numbered(user);
    expect((await erase(user)).pending).toEqual(["points"]);
    expect(secretsIn(withoutNumbered(user))).toEqual([]);
    expect(numbered(user)).toEqual(documents);
  });

  it("stays blocked, without a name in the directory", async () => {
    const user = await hedwig();
    await user.object.changeAccount({ status: "blocked" }, BY);
    await erase(user);
    expect(user.listed.at(-1)).toContain('"status":"blocked"');
    expect(secretsIn(user.listed.at(-1) ?? "")).toEqual([]);
  });
});

describe("what cannot be erased at once", () => {
  it("is erased later although the object crashes after each alarm", async () => {
    const user = await hedwig();
    await erase(user);
    user.crash();
    await user.passUntil("2026-02-05T00:00:00Z", () => user.crash());
    expect(secretsIn(withoutNumbered(user))).toEqual([]);
    expect(invoices(user).at(-1)?.document.customer).toMatchObject({ name: "Hedwig Blocksberg" });
    expect((await erase(user)).pending).toEqual([]);
  });

  it("waits for a hub that does not answer, and is deleted once more when no isolate has points any more", async () => {
    const user = await hedwig();
    user.hub.fails = true;
    const { atMs } = await erase(user);
    user.later(10 * 60_000);
    await user.passUntil(new Date(user.nowMs).toISOString());
    expect(user.hub.erasedMs).toEqual([]);
    expect((await erase(user)).pending).toContain("points");
    user.hub.fails = false;
    await user.passUntil(new Date(user.nowMs + 5 * 60_000).toISOString());
    expect(new Set(user.hub.erasedMs)).toEqual(new Set([atMs]));
    expect((await erase(user)).pending).not.toContain("points");
  });

  it("is deleted twice from a hub that answers: points may still wait in an isolate", async () => {
    const user = await hedwig();
    const { atMs } = await erase(user);
    await user.passUntil(new Date(user.nowMs + 10 * 60_000).toISOString());
    expect(user.hub.erasedMs.length).toBeGreaterThanOrEqual(2);
    expect(new Set(user.hub.erasedMs)).toEqual(new Set([atMs]));
  });

  it("is not mixed up with a new account of the same id", async () => {
    const user = await hedwig();
    await erase(user);
    const { object, revision } = user;
    await object.createAccount("ann", { name: "Somebody else", tier: "pro" }, BY, revision);
    await object.changeBilling({ customer: { name: "Somebody else" } }, revision, BY);
    user.disk.flush();
    await user.use("/a", 2);
    await user.passUntil("2026-04-01T12:00:00Z");
    const names = invoices(user).map(({ document }) => document.customer.name);
    expect(names).toEqual(
      ["Hedwig Blocksberg", "Hedwig Blocksberg", "Somebody else", "Somebody else"].slice(0, names.length),
    );
    expect(names.length).toBeGreaterThanOrEqual(3);
    expect((await object.account()).kind).toBe("account");
    expect(secretsIn(withoutNumbered(user)).filter((secret) => /broom|goodwill|@/.test(secret))).toEqual([]);
    expect(stored(user)).toContain("Somebody else");
    // The new account may be erased as well.
    expect((await erase(user)).atMs).toBe(user.nowMs);
    await user.passUntil("2026-06-01T00:00:00Z");
    expect(secretsIn(withoutNumbered(user))).toEqual([]);
    expect(withoutNumbered(user)).not.toContain("Somebody");
  });
});

/** The register's numbers: 1 to n without gaps or duplicates, with dates that never fall, in any order of deliveries and whatever dies. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DAY_MS, HOUR_MS } from "../../src/core/time.ts";
import type { NumberedEntry, RegisterEntry, RegisterFilter } from "../../src/objects/billing-register.ts";
import { Registers } from "./registers.ts";

/** `REGISTER_ENTRIES=10000` feeds as many. */
const ENTRIES = Number(process.env["REGISTER_ENTRIES"] ?? 1_500);

const clock = { nowMs: Date.UTC(2026, 0) };
const { now } = Date;
beforeAll(() => {
  Date.now = () => clock.nowMs;
});
afterAll(() => {
  Date.now = now;
});

function entry(n: number, change: Partial<RegisterEntry> = {}): RegisterEntry {
  return {
    series: "INV",
    kind: "invoice",
    id: `u${n}.20260101`,
    user: `u${n}`,
    periodStartMs: Date.UTC(2026, 0),
    periodEndMs: Date.UTC(2026, 1),
    currency: "USD",
    exponent: 2,
    totalMinor: String(n),
    openMinor: String(n),
    status: "issued",
    dueDays: 14,
    version: 1,
    ...change,
  };
}

/** Delivers an entry. @returns its number and date. */
async function register(registers: Registers, given: RegisterEntry): Promise<[string, number]> {
  const answer = await registers.object("INV").put(given);
  if (answer.kind !== "registered") throw new Error(answer.kind);
  return [answer.number, answer.issuedMs];
}

const numbers = (count: number, prefix = "INV"): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}-${String(i + 1).padStart(6, "0")}`);

/** What a document's object reports of it when the register is rebuilt. */
async function numbered(registers: Registers, n: number): Promise<NumberedEntry> {
  const [number, issuedMs] = await register(registers, entry(n));
  return { ...entry(n), number, issuedMs };
}

describe("numbers", () => {
  it(`are 1 to n for ${ENTRIES} documents in random order, each delivered up to three times, while the register dies and its clock steps`, async () => {
    const [deliveries] = fc.sample(
      fc.shuffledSubarray(
        Array.from({ length: 3 * ENTRIES }, (_, i) => i % ENTRIES),
        { minLength: 2 * ENTRIES, maxLength: 3 * ENTRIES },
      ),
      { numRuns: 1, seed: 20_261_130 },
    );
    const registers = new Registers();
    const first = new Map<number, [string, number]>();
    for (const [i, n] of [...deliveries!, ...Array(ENTRIES).keys()].entries()) {
      clock.nowMs += i % 97 === 0 ? -HOUR_MS : (i * 7919) % 60_000;
      if (i % 61 === 0) registers.crash();
      const answer = await register(registers, entry(n));
      const before = first.get(n);
      if (before) expect(answer).toEqual(before);
      else first.set(n, answer);
    }
    const listed = registers.documents();
    expect(listed.map(({ number }) => number)).toEqual(numbers(ENTRIES));
    expect(new Set(listed.map(({ id }) => id)).size).toBe(ENTRIES);
    for (const [i, { issuedMs }] of listed.entries()) {
      expect(issuedMs).toBeGreaterThanOrEqual(listed[i - 1]?.issuedMs ?? 0);
    }
  });

  it("of invoices and credit notes, and of other series, are sequences of their own", async () => {
    const registers = new Registers();
    const stub = (name: string) => registers.object(name);
    await stub("INV").put(entry(1));
    const note = { kind: "credit_note", id: "u1.20260101.c001", dueDays: null } as const;
    expect(await stub("INV-CN").put(entry(1, note))).toMatchObject({ number: "INV-CN-000001" });
    expect(await stub("B").put(entry(2, { series: "B" }))).toMatchObject({ number: "B-000001" });
    expect(stub("overview").overview()).toEqual({ series: ["B", "INV", "INV-CN"], currency: "USD" });
  });
});

describe("a document in the register", () => {
  it("takes a newer status, and no older one", async () => {
    const registers = new Registers();
    await register(registers, entry(1));
    await register(registers, entry(1, { status: "paid", openMinor: "0", version: 3 }));
    await register(registers, entry(1, { status: "past_due", version: 2 }));
    expect(registers.documents()).toMatchObject([
      { status: "paid", openMinor: "0", dueMs: registers.documents()[0]!.issuedMs + 14 * DAY_MS },
    ]);
  });

  it("is not replaced by another one of its id, whatever differs: the object was restored to an earlier state", async () => {
    const registers = new Registers();
    const digests = (lines: string) => ({ sha256: `all ${lines}`, fields: { lines, customer: "c" } });
    const first = entry(1, { digests: digests("one") });
    await register(registers, first);
    const known = { kind: "differs", number: "INV-000001", totalMinor: "1" };
    const answers = async (change: Partial<RegisterEntry>) =>
      registers.object("INV").put({ ...first, version: 9, ...change });
    expect(await answers({ digests: digests("two") })).toEqual({ ...known, fields: ["lines"] });
    expect(registers.documents()).toMatchObject([{ status: "issued" }]);
    // From an object of an older version, the total decides.
    const { digests: _digests, ...older } = first;
    const put = (sent: RegisterEntry) => registers.object("INV").put({ ...sent, version: 9 });
    expect(await put({ ...older, totalMinor: "999" })).toEqual({ ...known, fields: ["totalMinor"] });
    expect(await put({ ...older, status: "paid" })).toMatchObject({ kind: "registered" });
    // A document that an older register has numbered is compared as a whole from its next change on.
    await register(registers, entry(2));
    await register(registers, entry(2, { version: 2, digests: digests("one") }));
    expect(await registers.object("INV").put(entry(2, { digests: digests("two") }))).toMatchObject({
      kind: "differs",
    });
  });

  it("is in the currency of all others, of any series, also if two come first at once", async () => {
    const registers = new Registers();
    const [usd, eur] = await Promise.all([
      registers.object("INV").put(entry(1)),
      registers.object("B").put(entry(2, { series: "B", currency: "EUR" })),
    ]);
    expect([usd?.kind, eur]).toEqual(["registered", { kind: "currency-differs", currency: "USD" }]);
    const later = await registers.object("INV").put(entry(3, { currency: "EUR" }));
    expect(later).toEqual({ kind: "currency-differs", currency: "USD" });
    expect(registers.documents()).toHaveLength(1);
  });
});

describe("a list", () => {
  it("pages newest first, of one status, one user and the periods that began in a range", async () => {
    const registers = new Registers();
    const monthOf = (n: number) => Date.UTC(2026, n % 3);
    for (let n = 0; n < 9; n++) {
      const status = n % 2 ? "paid" : "issued";
      await register(registers, entry(n, { status, user: `u${n % 6}`, periodStartMs: monthOf(n) }));
    }
    const found = (filter: Partial<RegisterFilter>): string[] => {
      const ids: string[] = [];
      let after = null;
      do {
        const page = registers.object("INV").list({ status: null, ...filter }, after, 2);
        ids.push(...page.documents.map(({ id }) => id.slice(0, 2)));
        after = page.next;
      } while (after !== null);
      return ids;
    };
    expect(found({ status: "issued" })).toEqual(["u8", "u6", "u4", "u2", "u0"]);
    expect(found({ user: "u1" })).toEqual(["u7", "u1"]);
    expect(found({ fromMs: monthOf(1), toMs: monthOf(2) })).toEqual(["u7", "u4", "u1"]);
    expect(found({ fromMs: monthOf(1) })).toEqual(["u8", "u7", "u5", "u4", "u2", "u1"]);
    expect(found({ toMs: monthOf(1), user: "u0", status: "issued" })).toEqual(["u6", "u0"]);
    expect(new Registers().object("INV").list({ status: null }, null, 10)).toEqual({
      documents: [],
      next: null,
    });
  });
});

describe("a rebuild", () => {
  it("restores the same register from the objects' documents, in any order and repeated, and numbers go on", async () => {
    const registers = new Registers();
    const entries: NumberedEntry[] = [];
    for (let n = 0; n < 20; n++) entries.push(await numbered(registers, n));
    const before = registers.documents();
    registers.lose("INV");
    registers.lose("overview");
    const register2 = registers.object("INV");
    register2.beginRebuild("INV");
    expect(await register2.put(entry(99))).toEqual({ kind: "rebuilding" });
    await register2.restore(entries.toReversed());
    await register2.restore(entries.slice(3, 9));
    expect(register2.finishRebuild()).toEqual({
      series: "INV",
      documents: 20,
      missing: 0,
      conflicts: 0,
      prefix: "INV",
    });
    expect(registers.documents()).toEqual(before);
    expect((await register(registers, entry(99)))[0]).toBe("INV-000021");
    expect(registers.object("overview").overview().series).toEqual(["INV"]);
  });

  it("goes on in a new series if numbers are missing, once, and keeps both through the next rebuild", async () => {
    const registers = new Registers();
    const entries: NumberedEntry[] = [];
    for (let n = 0; n < 5; n++) entries.push(await numbered(registers, n));
    const object = registers.object("INV");
    object.beginRebuild("INV");
    const left = entries.filter((_entry, n) => n !== 2);
    await object.restore(left);
    expect(object.finishRebuild()).toMatchObject({ documents: 4, missing: 1, prefix: "INV-R1" });
    const next = await numbered(registers, 50);
    expect(next.number).toBe("INV-R1-000001");
    object.beginRebuild("INV");
    await object.restore([next, ...left]);
    expect(object.finishRebuild()).toMatchObject({ documents: 5, missing: 0, prefix: "INV-R1" });
    expect((await register(registers, entry(51)))[0]).toBe("INV-R1-000002");
  });

  it("misses the last number, too, if no object has its document any more, also if it is begun again", async () => {
    const registers = new Registers();
    const entries: NumberedEntry[] = [];
    for (let n = 0; n < 3; n++) entries.push(await numbered(registers, n));
    const object = registers.object("INV");
    for (let begun = 0; begun < 2; begun++) {
      object.beginRebuild("INV");
      await object.restore(entries.slice(0, 2));
    }
    expect(object.finishRebuild()).toMatchObject({ documents: 2, missing: 1, prefix: "INV-R1" });
    object.beginRebuild("INV");
    await object.restore(entries.slice(0, 2));
    expect(object.finishRebuild()).toMatchObject({ missing: 0, prefix: "INV-R1" });
    expect((await register(registers, entry(9)))[0]).toBe("INV-R1-000001");
  });

  it("goes on in a new series if two documents have one number, as after a restored register numbered on", async () => {
    const registers = new Registers();
    const old = await numbered(registers, 1);
    registers.lose("INV");
    const again = await numbered(registers, 2);
    expect(again.number).toBe(old.number);
    const object = registers.object("INV");
    object.beginRebuild("INV");
    await object.restore([old, again]);
    expect(object.finishRebuild()).toMatchObject({ conflicts: 1, prefix: "INV-R1" });
    expect(registers.documents().map(({ id }) => id)).toEqual([old.id]);
    expect((await register(registers, entry(3)))[0]).toBe("INV-R1-000001");
  });
});

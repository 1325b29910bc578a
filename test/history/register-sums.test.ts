/** What was invoiced, from random documents in real registers: every grouping adds up to the documents' own subtotals. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { invoicedSums, outstandingSums } from "../../src/api/billing/invoiced-sums.ts";
import { creditNote } from "../../src/billing/credit-note.ts";
import { documentParts, voidParts } from "../../src/billing/document-parts.ts";
import { creditableOf, draftCreditNote } from "../../src/billing/draft-credit-note.ts";
import { type InvoiceDocument, type InvoiceLine, NOT_RATED } from "../../src/billing/invoice-document.ts";
import {
  type InvoiceStatus,
  type RegisterEntry,
  SUM_KEYS,
  type SumKey,
  UNKNOWN_PART,
} from "../../src/objects/billing-register.ts";
import { invoiceOf } from "../billing/sample-invoices.ts";
import { Registers } from "./registers.ts";

const RUNS = 40;
const TIERS = ["free", "pro", "max"];

/** A document as its register has it. */
interface Registered {
  readonly document: InvoiceDocument;
  readonly corrected: InvoiceDocument | null;
  readonly monthMs: number;
  readonly status: InvoiceStatus;
}

/** Up to 12 digits before the point and a large usage: beyond what a double holds. */
const minor = fc.oneof(
  fc.bigInt(0n, 100_000n),
  fc.bigInt(10n ** 11n - 9n, 10n ** 12n + 9n),
  fc.bigInt(0n, 10n ** 30n),
);
const line = fc.record({
  kind: fc.constantFrom("base", "overage", "usage", "minimum", "adjustment", "carried"),
  segment: fc.nat(TIERS.length - 1),
  route: fc.constantFrom("/batch", "GET /a", "/é"),
  minor,
});
const invoice = fc.record({
  lines: fc.array(line, { minLength: 1, maxLength: 6 }),
  user: fc.nat(8),
  month: fc.nat(5),
  status: fc.constantFrom<InvoiceStatus>("issued", "paid", "past_due", "uncollectible", "void"),
  /** Thousandths of each line that credit notes take back. */
  credited: fc.array(fc.nat(500), { maxLength: 2 }),
});

function documentOf(given: typeof invoice extends fc.Arbitrary<infer T> ? T : never, n: number) {
  const lines = given.lines.map((one): InvoiceLine => {
    const isRated = one.kind !== "adjustment" && one.kind !== "carried";
    return {
      ...NOT_RATED,
      kind: one.kind,
      segment: isRated ? one.segment : null,
      route: one.kind === "usage" ? one.route : null,
      description: "",
      minor: String(one.kind === "adjustment" ? -one.minor : one.minor),
      corrects: null,
    };
  });
  const sample = invoiceOf();
  const [segment] = sample.segments;
  const segments = TIERS.map((tier) => ({ ...segment!, tier }));
  const subtotalMinor = String(lines.reduce((sum, one) => sum + BigInt(one.minor), 0n));
  return { ...sample, id: `i${n}`, user: `u${given.user}`, segments, lines, subtotalMinor, taxes: [] };
}

/** The invoice, and the credit notes that take back parts of it. */
function registered(
  given: typeof invoice extends fc.Arbitrary<infer T> ? T : never,
  n: number,
): Registered[] {
  const document = documentOf(given, n);
  const monthMs = Date.UTC(2026, given.month, 7);
  const all: Registered[] = [{ document, corrected: null, monthMs, status: given.status }];
  given.credited.forEach((share, i) => {
    const lines = document.lines.flatMap(({ minor: text }, index) => {
      const taken = (BigInt(text) * BigInt(share)) / 1_000n;
      return taken > 0n ? [{ line: index, minor: taken }] : [];
    });
    const note = creditNote(creditableOf(document), [], lines);
    if (note.kind !== "note" || lines.length === 0) return;
    const made = draftCreditNote(document, `i${n}.c${i}`, note, "");
    all.push({ document: made, corrected: document, monthMs, status: "issued" });
  });
  return all;
}

function entryOf(
  { document, corrected, monthMs, status }: Registered,
  all: readonly Registered[],
): RegisterEntry {
  const notes = all.filter((one) => one.corrected === document).map((one) => one.document);
  const parts = status === "void" ? voidParts(notes, document) : documentParts(document, corrected);
  const isOpen = status === "issued" || status === "past_due";
  return {
    series: "INV",
    kind: document.kind,
    id: document.id,
    user: document.user,
    periodStartMs: monthMs,
    periodEndMs: monthMs + 1,
    currency: "USD",
    exponent: 2,
    totalMinor: "1",
    openMinor: isOpen && document.kind === "invoice" ? String(BigInt(document.id.length) * 10n ** 20n) : "0",
    status,
    dueDays: null,
    version: 1,
    parts,
  };
}

/** The keys of a line, by hand. */
function keyOf(by: SumKey, { document, corrected, monthMs }: Registered, one: InvoiceLine): string {
  if (by === "customer") return document.user;
  if (by === "month") return new Date(monthMs).toISOString().slice(0, 7);
  const own = corrected === null ? one : corrected.lines[one.corrects!]!;
  if (by === "route") return own.route ?? `(${own.kind})`;
  return own.segment === null ? `(${own.kind})` : TIERS[own.segment]!;
}

async function filled(all: readonly Registered[]): Promise<Registers> {
  const registers = new Registers();
  for (const one of all) {
    const name = one.document.kind === "invoice" ? "INV" : "INV-CN";
    await registers.object(name).put(entryOf(one, all));
  }
  return registers;
}

const net = (sign: bigint, lines: readonly { readonly minor: string }[]): bigint =>
  lines.reduce((sum, one) => sum + sign * BigInt(one.minor), 0n);

describe("sums of documents", () => {
  it("are those of the lines, by month, tier, route and customer, all and the largest, in any range", async () => {
    const seen = { huge: 0, notes: 0, others: 0, void: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.array(invoice, { minLength: 1, maxLength: 15 }),
        fc.integer({ min: 1, max: 4 }),
        async (given, count) => {
          const all = given.flatMap(registered);
          const registers = await filled(all);
          const range = { fromMs: Date.UTC(2026, 1), toMs: Date.UTC(2026, 5) };
          const cancelled = new Set(
            all.filter(({ status }) => status === "void").map(({ document }) => document),
          );
          const counted = all.filter(
            ({ document, corrected, monthMs }) =>
              monthMs >= range.fromMs && monthMs < range.toMs && !cancelled.has(corrected ?? document),
          );
          const signOf = ({ corrected }: Registered): bigint => (corrected === null ? 1n : -1n);
          const subtotals = counted.reduce(
            (sum, one) => sum + signOf(one) * BigInt(one.document.subtotalMinor),
            0n,
          );
          for (const by of SUM_KEYS) {
            const expected = new Map<string, bigint>();
            for (const one of counted) {
              for (const each of one.document.lines) {
                const key = keyOf(by, one, each);
                expected.set(key, (expected.get(key) ?? 0n) + net(signOf(one), [each]));
              }
            }
            const whole = await invoicedSums(registers.forReports, { by, ...range }, 1_000);
            expect(whole.others).toBeNull();
            expect(whole.total.minor).toBe(subtotals);
            const shown = whole.rows.filter(({ key, minor: amount }) => expected.has(key) || amount !== 0n);
            expect(new Map(shown.map(({ key, minor: amount }) => [key, amount]))).toEqual(expected);
            // A part of the rows, and all others in one: the same sums.
            const some = await invoicedSums(registers.forReports, { by, ...range }, count);
            expect(some.rows.length).toBe(Math.min(count, whole.rows.length));
            for (const { key, ...row } of some.rows) {
              expect(whole.rows).toContainEqual({ key, ...row });
            }
            const listed = some.rows.reduce((sum, row) => sum + row.minor, 0n);
            expect(listed + (some.others?.minor ?? 0n)).toBe(subtotals);
            expect(some.total).toEqual(whole.total);
            seen.others += some.others === null ? 0 : 1;
          }
          seen.huge += subtotals > 2n ** 70n ? 1 : 0;
          seen.notes += all.some(({ corrected }) => corrected !== null) ? 1 : 0;
          seen.void += cancelled.size > 0 ? 1 : 0;
          const open = all.filter(
            ({ document, status }) => document.kind === "invoice" && ["issued", "past_due"].includes(status),
          );
          const openOf = (some: Registered[]): bigint =>
            some.reduce((sum, { document }) => sum + BigInt(document.id.length) * 10n ** 20n, 0n);
          expect(await outstandingSums(registers.forReports)).toEqual({
            documents: open.length,
            openMinor: openOf(open),
            pastDueMinor: openOf(open.filter(({ status }) => status === "past_due")),
          });
        },
      ),
      { numRuns: RUNS, seed: 20_261_130 },
    );
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(RUNS / 4);
  });
});

const LINE = { kind: "base", segment: 1, route: "/batch", minor: 1_000n } as const;
const ONE = { lines: [LINE], user: 1, month: 0, status: "issued" as const, credited: [] };

describe("a document of an older object", () => {
  it("counts as unknown with its total, until its object reports its parts", async () => {
    const registers = new Registers();
    const [known, older] = [ONE, ONE].map((given, n) => registered(given, n)[0]!);
    const { parts, ...entry } = entryOf(older!, []);
    await registers.object("INV").put(entryOf(known!, []));
    await registers.object("INV").put({ ...entry, totalMinor: "1190" });
    const sums = async (by: SumKey) =>
      invoicedSums(registers.forReports, { by, fromMs: null, toMs: null }, 10);
    for (const by of ["tier", "route"] as const) {
      const { rows, unknown, total } = await sums(by);
      expect(rows).toMatchObject([
        { key: UNKNOWN_PART, documents: 1, minor: 1_190n },
        { key: by === "tier" ? "pro" : "(base)", documents: 1, minor: 1_000n },
      ]);
      expect([unknown, total.minor]).toEqual([1, 2_190n]);
    }
    expect((await sums("customer")).rows).toMatchObject([{ key: "u1", documents: 2, minor: 2_190n }]);
    await registers.object("INV").put({ ...entry, totalMinor: "1190", version: 2, parts: parts! });
    expect(await sums("tier")).toMatchObject({ unknown: 0, rows: [{ key: "pro", minor: 2_000n }] });
    // Its object has an older version again: what is known stays, except of a void invoice.
    await registers.object("INV").put({ ...entry, totalMinor: "1190", version: 3, status: "paid" });
    expect((await sums("tier")).total.minor).toBe(2_000n);
    await registers.object("INV").put({ ...entry, totalMinor: "1190", version: 4, status: "void" });
    expect(await sums("tier")).toMatchObject({ unknown: 0, total: { documents: 1, minor: 1_000n } });
  });
});

describe("a register", () => {
  it("without documents has no sums, and says when it is being rebuilt", async () => {
    const registers = new Registers();
    const sums = async () => invoicedSums(registers.forReports, { by: "tier", fromMs: null, toMs: null }, 10);
    expect(await sums()).toMatchObject({ rows: [], others: null, currency: null, isRebuilding: false });
    expect(await outstandingSums(registers.forReports)).toEqual({
      documents: 0,
      openMinor: 0n,
      pastDueMinor: 0n,
    });
    await registers.object("INV").put(entryOf(registered(ONE, 1)[0]!, []));
    expect(await sums()).toMatchObject({ currency: "USD", exponent: 2, isRebuilding: false });
    registers.object("INV").beginRebuild("INV");
    expect(await sums()).toMatchObject({ rows: [], isRebuilding: true });
  });
});

/**
 * What was invoiced, from all registers: the sums of the largest keys, and of all others together.
 *
 * Each register answers with its largest keys. If those are not all, the ones that are shown are asked for again in each register, since a
 * key may be among the largest in one only. Amounts are minor units and exact.
 */
import type { BillingRegisterRpc, RegisterSums, SumQuery } from "../../objects/billing-register.ts";

/** Registers that are asked at once: a deployment has two for each series that it ever had. */
const AT_ONCE = 8;

/** A register as it is asked. */
export interface Register extends Pick<BillingRegisterRpc, "sums" | "outstanding"> {
  /** Whether its documents are credit notes, which are subtracted. */
  readonly isOfNotes: boolean;
}

export interface InvoicedSum {
  /** Invoices and credit notes. */
  readonly documents: number;
  /** Before tax, less credit notes. */
  readonly minor: bigint;
  /** What credit notes take back. */
  readonly notesMinor: bigint;
}

export interface Invoiced {
  /** The largest first; months in order. */
  readonly rows: readonly (InvoicedSum & { readonly key: string })[];
  /** All keys that have no row; null: there are none. */
  readonly others: InvoicedSum | null;
  readonly total: InvoicedSum;
  /** Documents of which only the total with tax is known. */
  readonly unknown: number;
  /** Null: there are no documents. */
  readonly currency: string | null;
  readonly exponent: number | null;
  readonly isRebuilding: boolean;
}

/** @param count of rows, at most. */
export async function invoicedSums(
  registers: readonly Register[],
  range: Pick<SumQuery, "by" | "fromMs" | "toMs">,
  count: number,
): Promise<Invoiced> {
  let found = await askAll(registers, { ...range, keys: null, count });
  let keys = largest(found, range.by, count);
  if (found.some(({ sums }) => !sums.isComplete) || keysOf(found).size > count) {
    found = await askAll(registers, { ...range, keys, count });
    keys = keys.toSorted(order(found, range.by));
  }
  const others = sumOf(found, null);
  const rows = keys.map((key) => Object.assign({ key }, sumOf(found, key)));
  const amounts = found.flatMap(({ sums }) => sums.rows);
  const notes = found.filter(({ isOfNotes }) => isOfNotes).flatMap(({ sums }) => sums.rows);
  const notesMinor = minorOf(notes);
  const any = found.find(({ sums }) => sums.currency !== null);
  return {
    rows: range.by === "month" ? rows.toSorted((a, b) => compare(a.key, b.key)) : rows,
    others: amounts.some(({ key }) => key === null) ? others : null,
    total: {
      documents: found.reduce((sum, { sums }) => sum + sums.documents, 0),
      minor: minorOf(amounts) - 2n * notesMinor,
      notesMinor,
    },
    unknown: found.reduce((sum, { sums }) => sum + sums.unknown, 0),
    currency: any?.sums.currency ?? null,
    exponent: any?.sums.exponent ?? null,
    isRebuilding: found.some(({ sums }) => sums.isRebuilding),
  };
}

export interface OutstandingSums {
  readonly documents: number;
  readonly openMinor: bigint;
  readonly pastDueMinor: bigint;
}

/** What is left to pay of all invoices. */
export async function outstandingSums(registers: readonly Register[]): Promise<OutstandingSums> {
  const invoices = registers.filter(({ isOfNotes }) => !isOfNotes);
  const answers = await inGroups(invoices, (register) => register.outstanding());
  return {
    documents: answers.reduce((sum, { documents }) => sum + documents, 0),
    openMinor: answers.reduce((sum, { openMinor }) => sum + BigInt(openMinor), 0n),
    pastDueMinor: answers.reduce((sum, { pastDueMinor }) => sum + BigInt(pastDueMinor), 0n),
  };
}

interface Found {
  readonly isOfNotes: boolean;
  readonly sums: RegisterSums;
}

async function askAll(registers: readonly Register[], query: SumQuery): Promise<Found[]> {
  return inGroups(registers, async (register) => ({
    isOfNotes: register.isOfNotes,
    sums: await register.sums(query),
  }));
}

async function inGroups<T>(
  registers: readonly Register[],
  call: (register: Register) => Promise<T>,
): Promise<T[]> {
  const answers: T[] = [];
  for (let i = 0; i < registers.length; i += AT_ONCE) {
    answers.push(...(await Promise.all(registers.slice(i, i + AT_ONCE).map(call))));
  }
  return answers;
}

function keysOf(found: readonly Found[]): Set<string> {
  return new Set(found.flatMap(({ sums }) => sums.rows.flatMap(({ key }) => (key === null ? [] : [key]))));
}

/** The keys to show. */
function largest(found: readonly Found[], by: SumQuery["by"], count: number): string[] {
  return [...keysOf(found)].toSorted(order(found, by)).slice(0, count);
}

/** The largest first, or the newest month. */
function order(found: readonly Found[], by: SumQuery["by"]): (a: string, b: string) => number {
  if (by === "month") return (a, b) => compare(b, a);
  const amounts = new Map([...keysOf(found)].map((key) => [key, sumOf(found, key).minor]));
  return (a, b) => {
    const difference = (amounts.get(b) ?? 0n) - (amounts.get(a) ?? 0n);
    return difference === 0n ? compare(a, b) : Number(difference > 0n) * 2 - 1;
  };
}

function sumOf(found: readonly Found[], key: string | null): InvoicedSum {
  const sum = { documents: 0, minor: 0n, notesMinor: 0n };
  for (const { isOfNotes, sums } of found) {
    const row = sums.rows.find((one) => one.key === key);
    if (!row) continue;
    const minor = BigInt(row.minor);
    sum.documents += row.documents;
    sum.minor += isOfNotes ? -minor : minor;
    sum.notesMinor += isOfNotes ? minor : 0n;
  }
  return sum;
}

function minorOf(rows: RegisterSums["rows"]): bigint {
  return rows.reduce((sum, { minor }) => sum + BigInt(minor), 0n);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

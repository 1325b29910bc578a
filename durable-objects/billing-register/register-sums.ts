/**
 * Sums over a register's documents, for reports: added up by SQLite, so that memory holds no more than the rows of an answer.
 *
 * An amount may have 40 digits, more than an integer of SQLite or a double holds. Those of at most 12 characters are added up as integers:
 * exact for 9 million lines. Of longer ones, five limbs of 8 digits are added up each by itself, and put together as one BigInt.
 */
import * as z from "zod/mini";
import { parseJson } from "../../src/json.ts";
import {
  type Outstanding,
  type RegisterSums,
  type SumKey,
  type SumQuery,
  UNKNOWN_PART,
} from "../../src/objects/billing-register.ts";
import type { RegisterStore } from "./register-store.ts";

/** With a sign. */
const MAX_SHORT = 12;
const LIMBS = 5;
const LIMB_DIGITS = 8;
const DIGITS = LIMBS * LIMB_DIGITS;
const LIMB = 10n ** BigInt(LIMB_DIGITS);

/** SQL for the exact sum of a column of amounts, as JSON for {@link minorOf}. */
function exactSum(minor: string): string {
  const isShort = `length(${minor}) <= ${MAX_SHORT}`;
  const sign = `iif(substr(${minor}, 1, 1) = '-', -1, 1)`;
  const digits = `substr('${"0".repeat(DIGITS)}' || ltrim(${minor}, '-'), -${DIGITS})`;
  const limbs = Array.from({ length: LIMBS }, (_none, i) => {
    const limb = `CAST(substr(${digits}, ${i * LIMB_DIGITS + 1}, ${LIMB_DIGITS}) AS INTEGER)`;
    return `sum(iif(${isShort}, 0, ${sign} * ${limb}))`;
  });
  // As text: it may be more than a double holds.
  return `json_array(CAST(sum(iif(${isShort}, CAST(${minor} AS INTEGER), 0)) AS TEXT), ${limbs.join(", ")})`;
}

/** Null: of no rows. */
const exactSumSchema = z.tuple([z.nullable(z.string())], z.nullable(z.int()));

function minorOf(text: string): bigint {
  const [short, ...limbs] = exactSumSchema.parse(parseJson(text));
  return BigInt(short ?? 0) + limbs.reduce((sum, limb) => sum * LIMB + BigInt(limb ?? 0), 0n);
}

const KEY_SQL: Readonly<Record<SumKey, string>> = {
  month: "strftime('%Y-%m', period_start_ms / 1000, 'unixepoch')",
  tier: "part.value ->> 0",
  route: "part.value ->> 1",
  customer: "user",
};

const IN_RANGE = "(?1 IS NULL OR period_start_ms >= ?1) AND (?2 IS NULL OR period_start_ms < ?2)";

/** The parts of a document. Without them, its total is one; nothing is left of a void one. */
const PARTS = `json_each(coalesce(parts, iif(status = 'void', '[]',
  json_array(json_array('${UNKNOWN_PART}', '${UNKNOWN_PART}', total_minor))))) AS part`;

/** Without it, SQLite reads the JSON of a line again for each use of a column, which takes twice as long. */
const ONCE = "LIMIT -1";

const sumRow = z.object({ key: z.nullable(z.string()), documents: z.int(), sums: z.string() });
const rangeRow = z.object({ documents: z.int(), unknown: z.int() });
const anyRow = z.object({ currency: z.string(), exponent: z.int() });

const NOTHING: RegisterSums = {
  rows: [],
  isComplete: true,
  documents: 0,
  unknown: 0,
  currency: null,
  exponent: null,
  isRebuilding: false,
};

export function sumsOf(store: RegisterStore, { by, fromMs, toMs, keys, count }: SumQuery): RegisterSums {
  const state = store.state();
  if (state === null) return NOTHING;
  const { sql } = store;
  const isAsked = "key IN (SELECT value FROM json_each(?4))";
  const rows = sql
    .exec(
      `SELECT ${keys === null ? "key" : `iif(${isAsked}, key, NULL)`} AS shown,
         count(DISTINCT iif(status = 'void', NULL, document_id)) AS documents, ${exactSum("minor")} AS sums
       FROM (SELECT document_id, status, ${KEY_SQL[by]} AS key, part.value ->> 2 AS minor
         FROM documents, ${PARTS} WHERE ${IN_RANGE} ${ONCE})
       GROUP BY shown ORDER BY ${by === "month" ? "" : "sum(CAST(minor AS REAL)) DESC, "}shown ${by === "month" ? "DESC" : ""}
       LIMIT ?3`,
      fromMs,
      toMs,
      // With keys: all of them, and the row of the others.
      keys === null ? count + 1 : keys.length + 1,
      ...(keys === null ? [] : [JSON.stringify(keys)]),
    )
    .toArray()
    .map(({ shown, ...row }) => sumRow.parse({ ...row, key: shown }));
  const isComplete = keys !== null || rows.length <= count;
  const range = sql
    .exec(
      `SELECT count(*) AS documents, count(iif(parts IS NULL, 1, NULL)) AS unknown FROM documents
       WHERE status <> 'void' AND ${IN_RANGE}`,
      fromMs,
      toMs,
    )
    .one();
  const [any] = sql.exec("SELECT currency, exponent FROM documents LIMIT 1").toArray();
  const { currency, exponent } = any ? anyRow.parse(any) : NOTHING;
  return {
    rows: (isComplete ? rows : rows.slice(0, count)).map(({ key, documents, sums }) => ({
      key,
      documents,
      minor: String(minorOf(sums)),
    })),
    isComplete,
    ...rangeRow.parse(range),
    currency,
    exponent,
    isRebuilding: state.rebuilding === 1,
  };
}

const openRow = z.object({ documents: z.int(), sums: z.string() });

/** Without uncollectible invoices. */
export function outstandingOf(store: RegisterStore): Outstanding {
  if (store.state() === null) return { documents: 0, openMinor: "0", pastDueMinor: "0" };
  const openOf = (status: string): { documents: number; minor: bigint } => {
    const row = store.sql
      .exec(
        `SELECT count(*) AS documents, ${exactSum("open_minor")} AS sums FROM documents
         WHERE status = ? AND open_minor <> '0'`,
        status,
      )
      .one();
    const { documents, sums } = openRow.parse(row);
    return { documents, minor: minorOf(sums) };
  };
  const [issued, pastDue] = [openOf("issued"), openOf("past_due")];
  return {
    documents: issued.documents + pastDue.documents,
    openMinor: String(issued.minor + pastDue.minor),
    pastDueMinor: String(pastDue.minor),
  };
}

/**
 * Positions in the export of usage as cursors. Pure. A pass goes over all accounts and one range of hours; its last cursor begins the next
 * pass, over the hours that have frozen since. A position names an account and a cell, so neither a deletion nor a restart moves it.
 */
import * as z from "zod/mini";
import { isUserId } from "../../identity/user-id.ts";
import { parseJson } from "../../json.ts";
import type { CellPlace } from "../../objects/frozen-usage.ts";
import { cursorOf, positionOf } from "../query.ts";

/** Where an export resumes. Hours are Unix hours. */
export interface ExportPlace {
  readonly fromHour: number;
  /** Exclusive; null: a new pass, up to the first hour that is not frozen. */
  readonly toHour: number | null;
  /** The only account; null: all. */
  readonly only: string | null;
  /** The accounts up to this one are done; "": none. */
  readonly done: string;
  /** In the account after that: the last cell that is done. */
  readonly within: { readonly account: string; readonly cell: CellPlace } | null;
}

/** The hours until the year 9999. */
const MAX_HOUR = 70_389_528;

const hour = z.int().check(z.gte(0), z.lte(MAX_HOUR));
const account = z.string().check(z.refine((id) => isUserId(id), "is no account"));
const placeSchema = z.tuple([
  z.literal(1),
  hour,
  z.nullable(hour),
  z.nullable(account),
  z.union([z.literal(""), account]),
  z.nullable(z.tuple([account, hour, z.string(), z.string()])),
]);

export function exportCursor({ fromHour, toHour, only, done, within }: ExportPlace): string {
  const cell = within && [within.account, within.cell.hour, within.cell.route, within.cell.keyId];
  return cursorOf(JSON.stringify([1, fromHour, toHour, only, done, cell]));
}

/** The place that a cursor names; null if it is none of an export. */
export function exportPlace(cursor: string): ExportPlace | null {
  const parsed = placeSchema.safeParse(parseJson(positionOf(cursor) ?? ""));
  if (!parsed.success) return null;
  const [, fromHour, toHour, only, done, at] = parsed.data;
  if (at === null) return { fromHour, toHour, only, done, within: null };
  const [id, cellHour, route, keyId] = at;
  return { fromHour, toHour, only, done, within: { account: id, cell: { hour: cellHour, route, keyId } } };
}

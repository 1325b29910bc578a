/** The product's export of usage: one page after the other (src/api/billing/usage-export.ts). */
import * as z from "zod/mini";
import { KEY_MODES } from "../../src/identity/key-mode.ts";
import { parsed } from "../doctor/fields.ts";
import { call, rejection } from "./call.ts";
import { Failure } from "./failure.ts";

const amount = z.number().check(z.gte(0));
const count = z.int().check(z.gte(0));
const cellSchema = z.object({
  account: z.string().check(z.minLength(1)),
  hour: z.iso.datetime(),
  route: z.string(),
  key: z.string(),
  mode: z.enum(KEY_MODES),
  requests: count,
  cost: amount,
  denied: count,
  units: z.optional(z.record(z.string(), amount)),
});
export type ExportedCell = z.infer<typeof cellSchema>;

const endSchema = z.object({
  cursor: z.string().check(z.minLength(1)),
  done: z.boolean(),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
});
export type PageEnd = z.infer<typeof endSchema>;

export interface Page {
  readonly cells: readonly ExportedCell[];
  readonly end: PageEnd;
}

/** Where to begin: at a cursor, or at a range's begin. */
export type Start =
  | { readonly cursor: string }
  | { readonly from?: string; readonly to?: string; readonly account?: string };

export class UsageSource {
  readonly #product: URL;
  readonly #token: string;
  readonly #pageCells: number;

  constructor(product: URL, token: string, pageCells: number) {
    this.#product = product;
    this.#token = token;
    this.#pageCells = pageCells;
  }

  /** @throws Failure if the product rejects it, or sends no whole page. */
  async page(start: Start, signal: AbortSignal): Promise<Page> {
    const url = new URL("/api/v1/admin/billing/export/usage", this.#product);
    for (const [name, value] of Object.entries(start)) {
      if (typeof value === "string") url.searchParams.set(name, value);
    }
    url.searchParams.set("limit", String(this.#pageCells));
    const who = this.#product.origin;
    const answer = await call(url, {
      method: "GET",
      headers: { Authorization: `Bearer ${this.#token}`, Accept: "application/x-ndjson" },
      who,
      advice: "check that it runs and that --product is right",
      signal,
    });
    const { status } = answer;
    if (status === 401)
      throw new Failure(`${who} rejects the admin token: set ADMIN_TOKEN to a token of this product`);
    if (status === 404) {
      throw new Failure(`${who} has no export of usage: check --product, or deploy the latest version`);
    }
    if (status === 400 && "cursor" in start) {
      throw new Failure(
        `${who} does not know the saved cursor: run again with --restart, which exports all again`,
      );
    }
    if (status !== 200) throw rejection(who, answer);
    return pageOf(answer.text, who);
  }
}

/** @throws Failure if the text is not a page, or not a whole one: then it may be whole the next time. */
export function pageOf(text: string, who: string): Page {
  const lines = text.split("\n");
  // Every line ends with a line break, so nothing follows the last one.
  const isCut = lines.pop() !== "";
  const last = lines.pop() ?? "";
  const end = endSchema.safeParse(parsed(last));
  if (isCut || !end.success) {
    throw new Failure(`${who} sent a page without its end`, { isPassing: true });
  }
  return { cells: lines.map((line) => cellOf(line, who)), end: end.data };
}

function cellOf(line: string, who: string): ExportedCell {
  const cell = cellSchema.safeParse(parsed(line));
  if (cell.success) return cell.data;
  const issue = cell.error.issues[0];
  const fault = issue === undefined ? "" : `${issue.path.join(".")}: ${issue.message}`;
  throw new Failure(
    `${who} sent a line that is no cell (${fault}): run the export of the product's own version`,
  );
}

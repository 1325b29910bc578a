/**
 * An invoice or a credit note as a PDF: what its page shows (invoice-view.ts), with the same bytes each time.
 *
 * src/modules/pdf.mjs is built from this file: the Worker loads it, and jsPDF with it, with the first PDF.
 */
import {
  amountHead,
  BILL_TO,
  FROM,
  type InvoiceView,
  LINE_HEADS,
  type LineView,
  type SegmentView,
  type TotalView,
  USAGE_HEADS,
  USAGE_TITLE,
} from "./invoice-view.ts";
import type { Paper } from "./paper.ts";
import { type FontFiles, heightOf, INK, PdfPages, QUIET, RULE, type TextStyle } from "./pdf-pages.ts";
import { type Column, drawTable, type Row } from "./pdf-table.ts";

export interface PdfRequest {
  readonly paper: Paper;
  readonly fonts: FontFiles;
  /** 32 hexadecimal digits: always the same for a document. */
  readonly fileId: string;
  readonly createdMs: number;
}

export type PdfOrMissing =
  | { readonly kind: "pdf"; readonly bytes: Uint8Array }
  /** The fonts lack these characters, so that the PDF would lack them too. */
  | { readonly kind: "missing-glyphs"; readonly characters: readonly string[] }
  /** It has so many rows that drawing them would take the isolate's time from others. */
  | { readonly kind: "too-long" };

const TITLE: TextStyle = { size: 20, weight: "bold" };
const BRAND: TextStyle = { size: 12, weight: "bold", color: QUIET };
const BODY: TextStyle = { size: 9.5 };
const LABEL: TextStyle = { size: 9.5, color: QUIET };
const STRONG: TextStyle = { size: 9.5, weight: "bold" };
const HEADLINE: TextStyle = { size: 15, weight: "bold" };
const SMALL: TextStyle = { size: 8, color: QUIET };
const LABEL_WIDTH = 110;
const TOTALS_WIDTH = 250;
const TOTAL_PADDING = 5;

/** More than a hundred pages, and about two seconds of computing. */
const MAX_ROWS = 2_000;
const LINE_SHARES = [0.46, 0.17, 0.17, 0.2];
const USAGE_SHARES = [0.5, 0.25, 0.25];

/** The PDF of a view, unless its fonts lack a character of it. */
export function invoicePdf(view: InvoiceView, { paper, fonts, fileId, createdMs }: PdfRequest): PdfOrMissing {
  const { name, seller, headline, footnotes } = view;
  if (rowsIn(view) > MAX_ROWS) return { kind: "too-long" };
  const pages = new PdfPages({
    paper,
    fonts,
    title: name,
    author: seller?.name ?? "",
    fileId,
    createdMs,
  });
  const characters = pages.missingGlyphs(textsOf(view));
  if (characters.length > 0) return { kind: "missing-glyphs", characters };
  drawHead(pages, view);
  drawFacts(pages, view);
  drawParties(pages, view);
  const lines = pages.wrap(headline, pages.width, HEADLINE);
  pages.ensure(lines.length * heightOf(HEADLINE));
  pages.y = pages.block(lines, pages.left, pages.y, HEADLINE) + 14;
  const heads = [...LINE_HEADS, amountHead(view)];
  drawTable(pages, columnsOf(heads, LINE_SHARES), view.lines.flatMap(rowsOf), { size: 9.5, padding: 6 });
  drawTotals(pages, view.totals);
  drawUsage(pages, view.segments);
  pages.y += 18;
  for (const note of footnotes) drawFootnote(pages, note);
  return { kind: "pdf", bytes: pages.finish(`${name} · ${headline}`) };
}

function drawHead(pages: PdfPages, { title, badge, seller }: InvoiceView): void {
  const top = pages.y;
  pages.text(title, pages.left, top, TITLE);
  if (badge !== null) {
    const [color, ground] = BADGES[badge.tone];
    pages.badge(badge.text, pages.left + pages.widthOf(title, TITLE) + 10, top + 7, 8.5, color, ground);
  }
  const half = pages.width / 2;
  const brand = seller === null ? [] : pages.wrap(seller.name, half, BRAND);
  const end = pages.block(brand, pages.right, top + 6, { ...BRAND, align: "right" });
  pages.y = Math.max(top + heightOf(TITLE), end) + 12;
}

const BADGES = {
  plain: ["#434b5c", "#eceff4"],
  good: ["#11653a", "#ddf3e4"],
  bad: ["#a11b1b", "#fde7e7"],
} as const;

function drawFacts(pages: PdfPages, { facts }: InvoiceView): void {
  facts.forEach(({ label, value }, index) => {
    const style = index === 0 ? STRONG : BODY;
    pages.text(label, pages.left, pages.y, LABEL);
    const lines = pages.wrap(value, pages.width - LABEL_WIDTH, style);
    pages.y = pages.block(lines, pages.left + LABEL_WIDTH, pages.y, style) + 1;
  });
  pages.y += 18;
}

/** Side by side, one after the other for who copies them, and on to the next page if they are so long. */
function drawParties(pages: PdfPages, { seller, customer }: InvoiceView): void {
  const half = pages.width / 2;
  const parties = [...(seller === null ? [] : [{ label: FROM, ...seller }]), { label: BILL_TO, ...customer }];
  pages.ensure(3 * heightOf(BODY));
  parties.forEach(({ label }, side) => pages.text(label, pages.left + side * half, pages.y, STRONG));
  pages.y += heightOf(STRONG) + 2;
  const columns = parties.map(({ name, lines }) =>
    [name, ...lines].flatMap((text) => pages.wrap(text, half - 20, BODY)),
  );
  const count = Math.max(...columns.map(({ length }) => length));
  for (let from = 0; from < count;) {
    pages.ensure(heightOf(BODY));
    const to = Math.min(count, from + Math.max(1, Math.floor(pages.room / heightOf(BODY))));
    const top = pages.y;
    columns.forEach((column, side) => {
      pages.block(column.slice(from, to), pages.left + side * half, top, BODY);
    });
    pages.y += (to - from) * heightOf(BODY);
    from = to;
  }
  pages.y += 24;
}

/** All but the first are numbers. */
function columnsOf(heads: readonly string[], shares: readonly number[]): Column[] {
  return heads.map((head, index) => ({
    head,
    share: shares[index] ?? 0,
    align: index === 0 ? "left" : "right",
  }));
}

function rowsOf({ description, note, quantity, unitPrice, amount, parts }: LineView): Row[] {
  return [
    { cells: [description, quantity, unitPrice, amount], note },
    ...parts.map((part) => ({
      cells: [part.label, part.quantity, part.unitPrice, part.amount],
      isPart: true,
    })),
  ];
}

function drawTotals(pages: PdfPages, totals: readonly TotalView[]): void {
  const left = pages.right - TOTALS_WIDTH;
  const rows = totals.map((total) => {
    const style = total.isStrong ? STRONG : BODY;
    const lines = pages.wrap(total.label, TOTALS_WIDTH - 110, style);
    return { ...total, style, lines, height: lines.length * heightOf(style) + 2 * TOTAL_PADDING };
  });
  pages.ensure(rows.reduce((sum, { height }) => sum + height, 4));
  pages.rule(pages.y, pages.left, pages.right, INK, 0.8);
  rows.forEach(({ lines, amount, style, height }, index) => {
    if (index > 0) pages.rule(pages.y, left, pages.right, RULE);
    pages.block(lines, left, pages.y + TOTAL_PADDING, style);
    pages.text(amount, pages.right, pages.y + TOTAL_PADDING, { ...style, align: "right" });
    pages.y += height;
  });
}

function drawUsage(pages: PdfPages, segments: readonly SegmentView[]): void {
  if (segments.length === 0) return;
  pages.y += 22;
  pages.ensure(90);
  pages.y = pages.block([USAGE_TITLE], pages.left, pages.y, STRONG) + 4;
  const rows = segments.flatMap(({ title, usage }): Row[] => [
    { cells: [title] },
    ...usage.map(({ route, requests, used }) => ({ cells: [route, requests, used], isPart: true })),
  ]);
  drawTable(pages, columnsOf(USAGE_HEADS, USAGE_SHARES), rows, { size: 8.5, padding: 4 });
}

function drawFootnote(pages: PdfPages, note: string): void {
  const lines = pages.wrap(note, pages.width, SMALL);
  pages.ensure(lines.length * heightOf(SMALL));
  pages.y = pages.block(lines, pages.left, pages.y, SMALL);
}

function rowsIn({ lines, segments }: InvoiceView): number {
  const inLines = lines.reduce((sum, { parts }) => sum + 1 + parts.length, 0);
  return segments.reduce((sum, { usage }) => sum + 1 + usage.length, inLines);
}

/** Every text of a view. */
function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}

/** A table on the pages of a PDF: columns of fixed width, rows that are never split, and its head again on each new page. */
import { heightOf, INK, type PdfPages, QUIET, RULE, type TextStyle } from "./pdf-pages.ts";

export interface Column {
  readonly head: string;
  /** A share of the table's width; all add up to 1. */
  readonly share: number;
  readonly align: "left" | "right";
}

export interface Row {
  /** A text for each column. */
  readonly cells: readonly string[];
  /** Below the first text, quietly; empty: nothing. */
  readonly note?: string;
  /** Part of the row above: indented, quiet, without a line above it. */
  readonly isPart?: boolean;
}

export interface TableStyle {
  readonly size: number;
  /** Above and below each row. */
  readonly padding: number;
}

const GAP = 12;
const INDENT = 12;
/** A third of a page. */
const MAX_TOGETHER = 240;
const HEAD: TextStyle = { size: 7.5, color: QUIET };
const HEAD_PADDING = 5;

export function drawTable(
  pages: PdfPages,
  columns: readonly Column[],
  rows: readonly Row[],
  { size, padding }: TableStyle,
): void {
  const cells = placed(pages, columns);
  const head = (): void => {
    for (const { x, align, column } of cells) pages.text(column.head, x, pages.y, { ...HEAD, align });
    pages.y += heightOf(HEAD) + HEAD_PADDING;
    pages.rule(pages.y, pages.left, pages.right, INK, 0.8);
  };
  const laidOut = rows.map((row) => layOut(pages, cells, row, size, padding));
  pages.ensure(heightOf(HEAD) + HEAD_PADDING + (laidOut[0]?.height ?? 0));
  head();
  pages.repeat(head);
  let isFirst = true;
  laidOut.forEach(({ height, draw, isPart }, index) => {
    const { page } = pages;
    pages.ensure(isPart ? height : togetherOf(laidOut, index));
    if (!isFirst && !isPart && page === pages.page) pages.rule(pages.y, pages.left, pages.right, RULE);
    isFirst = false;
    draw();
    pages.y += height;
  });
  pages.repeat(null);
}

/** The height of a row and its parts, which stay on one page; if they are too many, the first does. */
function togetherOf(
  rows: readonly { readonly height: number; readonly isPart: boolean }[],
  index: number,
): number {
  const end = rows.findIndex(({ isPart }, other) => other > index && !isPart);
  const heights = rows.slice(index, end < 0 ? rows.length : end).map(({ height }) => height);
  const all = heights.reduce((sum, height) => sum + height, 0);
  return all <= MAX_TOGETHER ? all : (heights[0] ?? 0) + (heights[1] ?? 0);
}

interface Cell {
  readonly column: Column;
  readonly align: "left" | "right";
  /** Where its text begins, or ends if it is right-aligned. */
  readonly x: number;
  readonly width: number;
}

function placed(pages: PdfPages, columns: readonly Column[]): Cell[] {
  let left = pages.left;
  return columns.map((column, index) => {
    const width = column.share * pages.width;
    const inset = index === 0 ? 0 : GAP;
    const cell = {
      column,
      align: column.align,
      x: column.align === "right" ? left + width : left + inset,
      width: width - inset,
    };
    left += width;
    return cell;
  });
}

function layOut(pages: PdfPages, cells: readonly Cell[], row: Row, size: number, padding: number) {
  const { isPart = false, note = "" } = row;
  const style: TextStyle = isPart ? { size: size - 1, color: QUIET } : { size };
  const quiet: TextStyle = { size: size - 1, color: QUIET };
  const indent = isPart ? INDENT : 0;
  const texts = cells.map((cell, index) =>
    pages.wrap(row.cells[index] ?? "", cell.width - (index === 0 ? indent : 0), style),
  );
  const notes = note === "" ? [] : pages.wrap(note, (cells[0]?.width ?? 0) - indent, quiet);
  const first = (texts[0]?.length ?? 0) * heightOf(style) + notes.length * heightOf(quiet);
  const tallest = Math.max(first, ...texts.map((lines) => lines.length * heightOf(style)));
  const above = isPart ? 0 : padding;
  const below = isPart ? padding * 0.6 : padding;
  return {
    isPart,
    height: above + tallest + below,
    draw(): void {
      const top = pages.y + above;
      cells.forEach(({ x, align }, index) => {
        const left = index === 0 ? x + indent : x;
        const end = pages.block(texts[index] ?? [], left, top, { ...style, align });
        if (index === 0) pages.block(notes, left, end, quiet);
      });
    },
  };
}

/**
 * The pages of a PDF, in points from the top left: what is drawn goes below what was drawn before, and onto a new page if it does not fit.
 *
 * Knows nothing of invoices. Its text must have been checked for missing glyphs first (`missingGlyphs`): jsPDF drops the rest of a text
 * after a character that the font lacks.
 */
import { jsPDF } from "jspdf";
import { type Paper, PAPERS } from "./paper.ts";

const WEIGHTS = ["normal", "bold"] as const;
export type Weight = (typeof WEIGHTS)[number];

/** A TrueType font for each weight, with one character per glyph. */
export type FontFiles = Readonly<Record<Weight, Uint8Array>>;

export interface TextStyle {
  readonly size: number;
  /** Default: normal. */
  readonly weight?: Weight;
  /** Default: {@link INK}. */
  readonly color?: string;
  /** Where x is. Default: left. */
  readonly align?: "left" | "right";
}

export interface PdfOptions {
  readonly paper: Paper;
  readonly fonts: FontFiles;
  readonly title: string;
  readonly author: string;
  /** 32 hexadecimal digits. With it and the time, the same drawing has the same bytes. */
  readonly fileId: string;
  readonly createdMs: number;
}

export const INK = "#15181d";
export const QUIET = "#555d68";
export const RULE = "#e0e4ea";
export const ACCENT = "#1f56c3";

const MARGIN = 50;
/** Holds the footer. */
const BOTTOM_MARGIN = 70;
const FOOTER_BOTTOM = 42;
const FOOTER: TextStyle = { size: 8, color: QUIET };
const BAR_HEIGHT = 4;
const BADGE_PADDING = 3;
const FAMILIES: Readonly<Record<Weight, string>> = { normal: "Inter-Regular", bold: "Inter-SemiBold" };
/** Of the text's size. */
const LINE_HEIGHT = 1.45;
/** Arguments of one call. */
const CHUNK = 8_192;
/** From a line's top to its baseline, of the text's size. */
const ASCENT = 1.05;

export class PdfPages {
  readonly left = MARGIN;
  readonly right: number;
  /** Where the next thing begins. */
  y = MARGIN;
  readonly #doc: jsPDF;
  readonly #height: number;
  /** What a new page begins with. */
  #head: (() => void) | null = null;

  constructor({ paper, fonts, title, author, fileId, createdMs }: PdfOptions) {
    const [width, height] = PAPERS[paper];
    this.right = width - MARGIN;
    this.#height = height;
    this.#doc = new jsPDF({
      unit: "pt",
      format: [width, height],
      precision: 2,
      compress: true,
      putOnlyUsedFonts: true,
    });
    for (const weight of WEIGHTS) addFont(this.#doc, weight, fonts[weight]);
    this.#doc.setProperties({ title, author, creator: "Edge Limiter" });
    this.#doc.setLanguage("en");
    this.#doc.viewerPreferences({ DisplayDocTitle: true });
    this.#doc.setFileId(fileId);
    this.#doc.setCreationDate(new Date(createdMs));
    this.#bar();
  }

  get width(): number {
    return this.right - this.left;
  }

  /** What is left of the page. */
  get room(): number {
    return this.#height - BOTTOM_MARGIN - this.y;
  }

  /** Begins a new page unless so much fits on this one. */
  ensure(height: number): void {
    if (height <= this.room) return;
    this.#doc.addPage();
    this.y = MARGIN;
    this.#bar();
    this.#head?.();
  }

  /** What {@link ensure} draws on each new page, until it is called with null. */
  repeat(head: (() => void) | null): void {
    this.#head = head;
  }

  /** The page that is drawn on, from 1. */
  get page(): number {
    return this.#doc.getNumberOfPages();
  }

  /** The characters of texts that a font lacks, each once. */
  missingGlyphs(texts: readonly string[]): string[] {
    const fonts = WEIGHTS.map((weight) => codesOf(this.#doc.setFont(FAMILIES[weight]).getFont().metadata));
    const characters = new Set(texts.flatMap((text) => [...text]));
    return [...characters].filter((char) => !fonts.every((codes) => codes.has(char.codePointAt(0) ?? 0)));
  }

  /** The lines of a text, if it may be so wide. */
  wrap(text: string, width: number, style: TextStyle): string[] {
    return wrapped(text, width, (part) => this.widthOf(part, style));
  }

  /** Draws one line of text whose line box begins at `top`. */
  text(line: string, x: number, top: number, style: TextStyle): void {
    const { size, weight = "normal", color = INK, align = "left" } = style;
    this.#doc.setFont(FAMILIES[weight]).setFontSize(size).setTextColor(color);
    const left = align === "right" ? x - this.#doc.getTextWidth(line) : x;
    this.#doc.text(line, left, top + size * ASCENT);
  }

  /** Draws lines below each other. @returns where they end. */
  block(lines: readonly string[], x: number, top: number, style: TextStyle): number {
    lines.forEach((line, index) => this.text(line, x, top + index * heightOf(style), style));
    return top + lines.length * heightOf(style);
  }

  /** A horizontal line. */
  rule(y: number, left: number, right: number, color: string, width = 0.6): void {
    this.#doc.setDrawColor(color).setLineWidth(width).line(left, y, right, y);
  }

  /** A small label with a ground. @returns its right edge. */
  badge(label: string, x: number, top: number, size: number, color: string, ground: string): number {
    const width = this.widthOf(label, { size, weight: "bold" }) + 2 * BADGE_PADDING;
    this.#doc.setFillColor(ground).roundedRect(x, top, width, size + 2 * BADGE_PADDING, 2, 2, "F");
    this.text(label, x + BADGE_PADDING, top + BADGE_PADDING - 0.1 * size, { size, weight: "bold", color });
    return x + width;
  }

  /** Writes the footer of all pages. @returns the file. */
  finish(footer: string): Uint8Array {
    const count = this.#doc.getNumberOfPages();
    const top = this.#height - FOOTER_BOTTOM;
    for (let page = 1; page <= count; page++) {
      this.#doc.setPage(page);
      this.rule(top - 8, this.left, this.right, RULE);
      this.text(footer, this.left, top, FOOTER);
      this.text(`Page ${page} of ${count}`, this.right, top, { ...FOOTER, align: "right" });
    }
    return new Uint8Array(this.#doc.output("arraybuffer"));
  }

  widthOf(text: string, { size, weight = "normal" }: TextStyle): number {
    return this.#doc.setFont(FAMILIES[weight]).setFontSize(size).getTextWidth(text);
  }

  #bar(): void {
    this.#doc.setFillColor(ACCENT).rect(0, 0, this.right + MARGIN, BAR_HEIGHT, "F");
  }
}

/** The height of a line. */
export function heightOf({ size }: TextStyle): number {
  return size * LINE_HEIGHT;
}

/** Breaks a text at spaces, and a word that is too long anywhere. */
function wrapped(text: string, width: number, widthOf: (part: string) => number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (widthOf(longer) <= width) {
      line = longer;
      continue;
    }
    if (line !== "") lines.push(line);
    line = "";
    for (const char of word) {
      if (line !== "" && widthOf(line + char) > width) {
        lines.push(line);
        line = "";
      }
      line += char;
    }
  }
  return [...lines, line];
}

function addFont(doc: jsPDF, weight: Weight, file: Uint8Array): void {
  const name = `${weight}.ttf`;
  doc.addFileToVFS(name, binaryString(file));
  doc.addFont(name, FAMILIES[weight], "normal", undefined, "Identity-H");
}

/** jsPDF takes files as strings of bytes. */
function binaryString(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += CHUNK) {
    text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  }
  return text;
}

/** The characters that a font has, as jsPDF has read them. */
function codesOf(metadata: {
  readonly cmap: { readonly unicode: { readonly codeMap: object } };
}): ReadonlySet<number> {
  return new Set(Object.keys(metadata.cmap.unicode.codeMap).map(Number));
}

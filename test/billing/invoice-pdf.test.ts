/** The PDF of an invoice: every letter of it, on pages that read on, with the same bytes each time. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { InvoiceSource } from "../../src/billing/draft-invoice.ts";
import type { InvoiceDocument } from "../../src/billing/invoice-document.ts";
import { invoicePdf, type PdfOrMissing } from "../../src/documents/invoice-pdf.ts";
import { invoiceView } from "../../src/documents/invoice-text.ts";
import type { Standing } from "../../src/documents/invoice-view.ts";
import { PAPERS, type Paper } from "../../src/documents/paper.ts";
import { readPdf } from "./pdf-reader.ts";
import { creditNoteFor, draftOf, invoiceOf, PRO, sourceWith, usageOf } from "./sample-invoices.ts";

const FONTS = join(import.meta.dirname, "..", "..", "fonts");
const fonts = {
  normal: new Uint8Array(readFileSync(join(FONTS, "inter-400.ttf"))),
  bold: new Uint8Array(readFileSync(join(FONTS, "inter-600.ttf"))),
};

function rendered(
  document: InvoiceDocument,
  standing: Standing = "issued",
  paper: Paper = "a4",
): PdfOrMissing {
  const createdMs = Date.parse(document.issuedAt ?? document.period.end);
  const view = invoiceView(document, standing);
  return invoicePdf(view, { paper, fonts, fileId: "0123456789ABCDEF0123456789ABCDEF", createdMs });
}

function pdfOf(document: InvoiceDocument, standing?: Standing, paper?: Paper): Uint8Array {
  const result = rendered(document, standing, paper);
  if (result.kind !== "pdf") throw new Error(JSON.stringify(result));
  return result.bytes;
}

/** All texts, in order. */
const textsOf = (bytes: Uint8Array): string[] =>
  readPdf(bytes).flatMap((page) => page.map(({ text }) => text));

/** Every text that the page of the document shows. */
function shown(value: unknown): string[] {
  if (typeof value === "string") return value === "" ? [] : [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(shown) : [];
}

/** So many segments of twelve hours, each with three lines. */
function segments(count: number): InvoiceSource["segments"] {
  const { startMs } = sourceWith().period;
  const length = 43_200_000;
  return Array.from({ length: count }, (_, index) => ({
    startMs: startMs + index * length,
    endMs: startMs + (index + 1) * length,
    tier: index % 2 === 0 ? "pro" : "max",
    revision: 3,
    terms: PRO,
    grantedMilli: 0,
    usage: [usageOf("/batch", 1_234 + index), usageOf("/identify", 150_000)],
  }));
}

const VIETNAMESE = "Công ty Trách nhiệm Hữu hạn Dịch vụ Điện toán Đám mây Ngữ Ưỡn Ẫm ỵ";
const GREEK = "Ελληνική Εταιρεία Ρομποτικής Ϊΰ & Υιοί ΑΕ Ω μ";
const CYRILLIC = "Общество «Ёлка» Ґалаґан Їжак Љубав Қазақ Өмір";

describe("the PDF of an invoice", () => {
  it.each<[string, InvoiceDocument, Standing]>([
    ["an invoice", invoiceOf(), "past_due"],
    ["a draft", draftOf(), "draft"],
    ["a credit note", creditNoteFor(invoiceOf()), "issued"],
    ["yen", invoiceOf({ currency: "JPY" }), "paid"],
    ["dinars", invoiceOf({ currency: "BHD" }), "issued"],
  ])("has every text of the page: %s", (_, document, standing) => {
    const texts = textsOf(pdfOf(document, standing)).join(" ");
    const { currency: _currency, badge, ...view } = invoiceView(document, standing);
    for (const text of [...shown(view), ...(badge === null ? [] : [badge.text])])
      expect(texts).toContain(text);
  });

  it("keeps every letter of Vietnamese, Greek and Cyrillic names, also if they come decomposed", () => {
    const seller = { name: VIETNAMESE.normalize("NFD"), address: [GREEK, CYRILLIC] };
    const customer = {
      name: GREEK,
      address: [VIETNAMESE, "Łódź Čeština Şişli Ærø naïve — “quoted” € ₫ № 5"],
      email: "ß@ÿ.example",
    };
    const texts = textsOf(pdfOf(invoiceOf({ seller, customer }))).join(" ");
    for (const name of [VIETNAMESE, GREEK, CYRILLIC, ...customer.address, customer.email]) {
      expect(texts).toContain(name.normalize("NFC"));
    }
    expect(texts).not.toContain("\uFFFD");
  });

  it.each([
    ["東京株式会社", ["東", "京", "株", "式", "会", "社"]],
    ["Acme 🚀", ["🚀"]],
    ["שלום", ["ש", "ל", "ו", "ם"]],
    ["x̂", ["\u0302"]],
  ])("is not made without a letter: %s", (name, characters) => {
    const result = rendered(invoiceOf({ customer: { name } }));
    expect(result).toEqual({ kind: "missing-glyphs", characters });
  });

  it("is not made of more rows than can be drawn in a moment", () => {
    const usage = Array.from({ length: 2_000 }, (_, index) => usageOf(`/route/${index}`, 1));
    const [segment] = sourceWith().segments;
    expect(rendered(invoiceOf({ segments: segment === undefined ? [] : [{ ...segment, usage }] }))).toEqual({
      kind: "too-long",
    });
  });

  it("repeats the heads of a table on each page, numbers the pages, and splits no row", () => {
    const document = invoiceOf({ segments: segments(34) });
    expect(document.lines).toHaveLength(102);
    const pages = readPdf(pdfOf(document));
    expect(pages.length).toBeGreaterThan(5);
    const [, height] = PAPERS.a4;
    const starts = new Set<string>();
    pages.forEach((texts, index) => {
      expect(texts.at(-1)?.text).toBe(`Page ${index + 1} of ${pages.length}`);
      for (const { y } of texts) {
        expect(y).toBeGreaterThan(30);
        expect(y).toBeLessThan(height - 40);
      }
      for (const [row, head] of [
        [/^(pro|max): /, "Description"],
        [/^(pro|max), /, "Route"],
      ] as const) {
        if (!texts.some(({ text }) => row.test(text))) continue;
        const heads = texts.filter(({ text }) => text === head);
        expect(heads).toHaveLength(1);
        const below = texts.filter(({ y }) => y < (heads[0]?.y ?? 0));
        starts.add(below.toSorted((a, b) => b.y - a.y)[0]?.text ?? "");
      }
    });
    // A line's parts stand on its page.
    for (const part of ["First", "Next", "Packages", "/batch", "/identify"])
      expect(starts).not.toContain(part);
    const drawn = pages.flat();
    const { lines } = invoiceView(document, "issued");
    for (const { amount } of lines) {
      const times = lines.filter((line) => line.amount === amount).length;
      expect(drawn.filter(({ text }) => text === amount).length).toBeGreaterThanOrEqual(times);
    }
  });

  it("keeps long names, words and labels on the paper", () => {
    const long = "W".repeat(200);
    const seller = {
      name: long,
      address: [`${"lorem ".repeat(33)}ipsum`, ...Array.from({ length: 7 }, () => long)],
    };
    const document = invoiceOf({
      seller,
      customer: { name: long },
      rates: [{ name: "VAT".repeat(21), percent: "19" }],
    });
    const [width] = PAPERS.letter;
    const pages = readPdf(pdfOf(document, "issued", "letter"));
    const xs = pages.flat().map(({ x }) => x);
    expect(Math.min(...xs)).toBeGreaterThanOrEqual(50);
    expect(Math.max(...xs)).toBeLessThan(width - 50);
    expect(Math.min(...pages.flat().map(({ y }) => y))).toBeGreaterThan(30);
    expect(
      pages
        .flat()
        .map(({ text }) => text)
        .join(""),
    ).toContain(long);
  });

  it("has the same bytes each time, and others if the document differs", () => {
    const bytes = pdfOf(invoiceOf());
    expect(Buffer.from(pdfOf(invoiceOf())).equals(bytes)).toBe(true);
    expect(Buffer.from(pdfOf(invoiceOf(), "paid")).equals(bytes)).toBe(false);
    expect(Buffer.from(pdfOf(invoiceOf(), "issued", "letter")).equals(bytes)).toBe(false);
  });

  it("is read by another program as by ours", ({ skip }) => {
    const directory = mkdtempSync(join(tmpdir(), "edge-limiter-pdf-"));
    try {
      const file = join(directory, "invoice.pdf");
      const bytes = pdfOf(invoiceOf({ customer: { name: VIETNAMESE, address: [GREEK, CYRILLIC] } }));
      writeFileSync(file, bytes);
      let text: string;
      try {
        text = execFileSync("pdftotext", ["-layout", file, "-"], { encoding: "utf8" });
      } catch (thrown) {
        const isAbsent = thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT";
        if (!isAbsent) throw thrown;
        return skip("pdftotext (poppler-utils) is not installed");
      }
      const words = new Set(text.split(/\s+/));
      for (const word of textsOf(bytes).flatMap((part) => part.split(" "))) expect(words).toContain(word);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

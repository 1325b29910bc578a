/** The papers that PDFs are for. */
export const PAPER_NAMES = ["a4", "letter"] as const;
export type Paper = (typeof PAPER_NAMES)[number];

/** Widths and heights in points. */
export const PAPERS: Readonly<Record<Paper, readonly [width: number, height: number]>> = {
  a4: [595.28, 841.89],
  letter: [612, 792],
};

/** The countries that print on letter paper; all others do on A4. ISO 3166-1. */
const LETTER_COUNTRIES: ReadonlySet<string> = new Set([
  "BZ",
  "CA",
  "CL",
  "CO",
  "CR",
  "DO",
  "GT",
  "HN",
  "MX",
  "NI",
  "PA",
  "PH",
  "PR",
  "SV",
  "US",
  "VE",
]);

/** How a customer prints. @param country ISO 3166-1. */
export function paperOf(country: string | undefined): Paper {
  return LETTER_COUNTRIES.has(country ?? "") ? "letter" : "a4";
}

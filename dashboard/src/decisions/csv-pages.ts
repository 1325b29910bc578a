/** Joins pages of CSV into one text with one header line. Bounded. Pure but for `load`. */

/** Pages of one file: 20,000 decisions, some megabytes, and a thirtieth of the reports that one may request in a minute. */
export const MAX_CSV_PAGES = 20;

export interface CsvPage {
  readonly text: string;
  /** The header Link (RFC 8288), which names the next page. */
  readonly link: string | null;
}

/** @param load rejects if a page cannot be loaded. @param loaded is told how many pages there are so far. */
export async function collectCsv(
  first: string,
  load: (path: string) => Promise<CsvPage>,
  loaded: (pages: number) => void,
): Promise<{ readonly text: string; readonly isComplete: boolean }> {
  let text = "";
  let next: string | null = first;
  for (let pages = 0; next !== null && pages < MAX_CSV_PAGES; pages += 1) {
    const page = await load(next);
    // No header has a line break in it.
    text += pages === 0 ? page.text : page.text.slice(page.text.indexOf("\r\n") + 2);
    next = /<([^>]+)>; rel="next"/.exec(page.link ?? "")?.[1] ?? null;
    loaded(pages + 1);
  }
  return { text, isComplete: next === null };
}

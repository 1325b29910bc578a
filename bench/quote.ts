/**
 * Inserts tables into a document, between `<!-- bench:chosen -->` or `<!-- bench:all -->` and `<!-- /bench -->`, and chooses rows of
 * a table. Pure.
 */

export type QuotedTable = "chosen" | "all";

/**
 * The document with its tables replaced. A document without markers stays unchanged.
 * @throws if an end marker is missing, since the rest of the document would be lost.
 */
export function quote(document: string, tables: Readonly<Record<QuotedTable, string>>): string {
  let text = document;
  for (const name of ["chosen", "all"] as const) {
    const begin = `<!-- bench:${name} -->`;
    const from = text.indexOf(begin);
    if (from < 0) continue;
    const to = text.indexOf("<!-- /bench -->", from);
    if (to < 0) throw new Error(`${begin} has no <!-- /bench --> after it`);
    text = `${text.slice(0, from + begin.length)}\n${tables[name]}\n${text.slice(to)}`;
  }
  return text;
}

/**
 * The header of a Markdown table and the rows that start with `beginnings`, in that order.
 * @throws if a beginning does not match exactly one row, so that a reworded table never loses a row silently.
 */
export function chooseRows(table: string, beginnings: readonly string[]): string {
  const [head = "", line = "", ...rows] = table.split("\n");
  const chosen = beginnings.map((beginning) => {
    const [row, ...others] = rows.filter((each) => each.startsWith(`| ${beginning}`));
    if (row === undefined || others.length > 0) {
      throw new Error(`${others.length > 0 ? "several rows begin" : "no row begins"} with "| ${beginning}"`);
    }
    return row;
  });
  return [head, line, ...chosen].join("\n");
}

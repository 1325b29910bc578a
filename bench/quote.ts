/**
 * Puts a table where a document quotes it: between `<!-- bench:chosen -->` or `<!-- bench:all -->` and `<!-- /bench -->`. Pure.
 */

export type Quoted = "chosen" | "all";

/**
 * The document with its quotations replaced. A document without quotations stays as it is.
 * @throws if a quotation has no end: what follows would be lost.
 */
export function quote(document: string, tables: Readonly<Record<Quoted, string>>): string {
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
 * The head of a Markdown table and the rows that begin so, in the order of `beginnings`.
 * @throws if a beginning does not match exactly one row: a run with other words must not drop a row silently.
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

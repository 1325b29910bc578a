/** Puts a table where a document wants it quoted: between `<!-- bench:targets -->` or `<!-- bench:all -->` and `<!-- /bench -->`. Pure. */

export type Quoted = "targets" | "all";

/**
 * The document with its quotations replaced. One that wants none stays as it is.
 * @throws where a quotation has no end: what follows would be lost.
 */
export function quote(document: string, tables: Readonly<Record<Quoted, string>>): string {
  let text = document;
  for (const name of ["targets", "all"] as const) {
    const begin = `<!-- bench:${name} -->`;
    const from = text.indexOf(begin);
    if (from < 0) continue;
    const to = text.indexOf("<!-- /bench -->", from);
    if (to < 0) throw new Error(`${begin} has no <!-- /bench --> after it`);
    text = `${text.slice(0, from + begin.length)}\n${tables[name]}\n${text.slice(to)}`;
  }
  return text;
}

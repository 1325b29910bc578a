/** CSV by RFC 4180, safe to open in a spreadsheet. */
import type { Context } from "hono";
import { accepts } from "hono/accepts";
import type { AppEnv } from "../edge/app-env.ts";

const JSON_TYPE = "application/json";
const CSV = "text/csv";

/** Whether to answer in CSV: by the parameter `format`, else by the header Accept. */
export function wantsCsv(c: Context<AppEnv>, format: "json" | "csv" | undefined): boolean {
  if (format !== undefined) return format === "csv";
  return accepts(c, { header: "Accept", supports: [JSON_TYPE, CSV], default: JSON_TYPE }) === CSV;
}

/** A page of rows as CSV. The cursor of the next page goes into a Link header (RFC 8288). */
export function csvPage(
  c: Context<AppEnv>,
  header: readonly string[],
  lines: readonly (readonly (string | number)[])[],
  next: string | null,
): Response {
  const headers: Record<string, string> = { "Content-Type": `${CSV}; charset=utf-8` };
  if (next !== null) {
    const url = new URL(c.req.url);
    url.searchParams.set("cursor", next);
    headers["Link"] = `<${url.pathname}${url.search}>; rel="next"`;
  }
  return c.body(csvText(header, lines), 200, headers);
}

/** A header line and the lines below it, each ended by CRLF. */
function csvText(header: readonly string[], lines: readonly (readonly (string | number)[])[]): string {
  return [header, ...lines].map((line) => `${line.map(field).join(",")}\r\n`).join("");
}

/** Quotes a value if necessary. A text that a spreadsheet would read as a formula gets a leading apostrophe; an amount is none. */
function field(value: string | number): string {
  const isFormula = typeof value === "string" && /^[=+\-@\t\r]/.test(value) && !/^-\d+(\.\d+)?$/.test(value);
  const text = isFormula ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

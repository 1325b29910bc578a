/**
 * The parts of HTTP caching that headers spell out: directives of `Cache-Control` (RFC 9111, section 5.2), those of `CDN-Cache-Control`
 * (RFC 9213), dates and ages. Pure.
 */
import { parseDictionary } from "structured-headers";

/** Directives by name in lower case; null: it has no argument. Of a directive that is given twice, the first counts. */
export type Directives = ReadonlyMap<string, string | null>;

/** A directive with its argument, a token or a quoted string. Linear: the parts of each alternative exclude each other. */
const DIRECTIVE = /([^\s,;="]+)(?:\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?|"(?:[^"\\]|\\.)*"?/g;

export function directivesOf(value: string | null): Directives {
  const found = new Map<string, string | null>();
  for (const [, name, quoted, token] of (value ?? "").matchAll(DIRECTIVE)) {
    const key = name?.toLowerCase();
    if (key !== undefined && !found.has(key)) found.set(key, quoted ?? token ?? null);
  }
  return found;
}

/** The directives of `CDN-Cache-Control`, which replace those of `Cache-Control`; null: there is none, or it is malformed. */
export function cdnDirectivesOf(value: string | null): Directives | null {
  if (value === null || value.trim() === "") return null;
  try {
    const found = new Map<string, string | null>();
    for (const [name, [item]] of parseDictionary(value)) {
      const isAge = name === "max-age" || name === "s-maxage";
      if (isAge ? !Number.isInteger(item) : item !== true && typeof item !== "number") return null;
      found.set(name, item === true ? null : String(item));
    }
    return found.size === 0 ? null : found;
  } catch {
    return null;
  }
}

/** What RFC 9111, section 1.2.2, takes for infinity. */
const MAX_SECONDS = 2 ** 31;
const SECONDS = /^\d+$/;

/** The argument of a directive such as max-age, milliseconds. Null: there is no such directive. 0: its argument is invalid. */
export function argumentMs(directives: Directives, name: string): number | null {
  const value = directives.get(name);
  if (value === undefined) return null;
  return SECONDS.test(value ?? "") ? Math.min(Number(value), MAX_SECONDS) * 1_000 : 0;
}

/** `Age` in milliseconds: the first of several; 0 if it is none. */
export function ageMsOf(value: string | null): number {
  const first = (value ?? "").split(",", 1)[0]?.trim() ?? "";
  return SECONDS.test(first) ? Math.min(Number(first), MAX_SECONDS) * 1_000 : 0;
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const TIME = String.raw`(?<hour>\d\d):(?<minute>\d\d):(?<second>\d\d)`;
const MONTH = `(?<month>${MONTHS.join("|")})`;
/** The three forms of RFC 9110, section 5.6.7: the preferred one, that of RFC 850, and that of asctime. */
const DATES = [
  String.raw`(?:mon|tue|wed|thu|fri|sat|sun), (?<day>\d\d) ${MONTH} (?<year>\d{4}) ${TIME} GMT`,
  String.raw`(?:mon|tues|wednes|thurs|fri|satur|sun)day, (?<day>\d\d)-${MONTH}-(?<year>\d\d) ${TIME} GMT`,
  String.raw`(?:mon|tue|wed|thu|fri|sat|sun) ${MONTH} (?<day>[ \d]\d) ${TIME} (?<year>\d{4})`,
].map((form) => new RegExp(`^${form}$`, "i"));

/** An HTTP date as Unix milliseconds; null if it is none. `Date.parse` would take many others. */
export function dateMsOf(value: string | null, nowMs: number): number | null {
  if (value === null) return null;
  for (const form of DATES) {
    const { day = "", month = "", year = "", hour, minute, second } = form.exec(value)?.groups ?? {};
    if (day === "") continue;
    const written = Number(year);
    const ms = Date.UTC(
      year.length === 2 ? fullYear(written, nowMs) : written,
      MONTHS.indexOf(month.toLowerCase()),
      Number(day),
      Number(hour),
      Number(minute),
      Number(second),
    );
    return ms;
  }
  return null;
}

/** A year of two digits: at most 50 years ahead. */
function fullYear(year: number, nowMs: number): number {
  const now = new Date(nowMs).getUTCFullYear();
  const near = now - (now % 100) + year;
  return near > now + 50 ? near - 100 : near;
}

/** The error of a build command that failed, with the compiler's own output as its message. */
import { stripVTControlCharacters } from "node:util";

/** Lines of the compiler's own stack trace, which do not help to fix a source file. */
const TRACE_LINE = /^\s+(at |\d+: )|^\s*(errors: |\}$|Stack backtrace)/;

/** @param what names the build, such as `the build of the dashboard`. @param thrown from `execFile`. */
export function buildError(what: string, thrown: unknown): Error {
  return new Error(`${what} failed\n${outputOf(thrown)}`, { cause: thrown });
}

function outputOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return String(thrown);
  const { stdout = "", stderr = "" }: { stdout?: unknown; stderr?: unknown } = thrown;
  const lines = stripVTControlCharacters(`${String(stdout)}${String(stderr)}`).split("\n");
  const output = lines.filter((line) => !TRACE_LINE.test(line));
  return output.join("\n").trim() || String(thrown);
}

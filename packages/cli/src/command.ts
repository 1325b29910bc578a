/** What a command is: its help, its options, and what it does. All commands are in commands.ts. */
import type { Deployment } from "./deployment.ts";

export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  /** What stands for the value in the help; "" for a flag. */
  readonly value: string;
  readonly help: string;
}

export interface Command {
  /** "policy diff". */
  readonly name: string;
  /** Names of its arguments, in order; all are required. */
  readonly arguments?: readonly string[];
  readonly options: Readonly<Record<string, Option>>;
  readonly summary: string;
  /** What the summary leaves open: exit codes, examples. */
  readonly details?: string;
  /** @returns the exit code. */
  readonly run: (context: Context) => Promise<number>;
}

export interface Context {
  /** By name. */
  readonly arguments: Readonly<Record<string, string>>;
  readonly options: Options;
  /** @throws Failure if the environment does not name one. */
  readonly deployment: () => Deployment;
  readonly out: Output;
}

/** The options that were given. */
export class Options {
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === "string" ? value : undefined;
  }

  has(name: string): boolean {
    return this.#values[name] === true;
  }
}

export interface Output {
  /** Whether JSON is wanted instead of text. */
  readonly isJson: boolean;
  /** Prints a result: as JSON if that is wanted, else the lines. */
  result(value: unknown, lines: () => readonly string[]): void;
  /** Prints something about the run, not part of its result: to the standard error. */
  note(text: string): void;
  /** Replaces the last line of progress, on a terminal; elsewhere prints it now and then. */
  progress(text: string): void;
}

export const JSON_OPTION: Option = { type: "boolean", value: "", help: "print JSON" };
export const REASON_OPTION: Option = {
  type: "string",
  value: "<text>",
  help: "why, for the audit trail",
};

/** Rows as columns of text, as wide as their widest value. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [titles, ...rows];
  const widths = titles.map((_title, i) => Math.max(...all.map((row) => (row[i] ?? "").length)));
  return all.map((row) =>
    row
      .map((value, i) => value.padEnd(widths[i] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

/** A field of an answer as text; "" if it has none. */
export function field(value: unknown, name: string): string {
  const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  if (found === undefined || found === null) return "";
  return typeof found === "object" ? JSON.stringify(found) : String(found);
}

/** A list in an answer. */
export function rowsOf(value: unknown, name: string): readonly unknown[] {
  const found: unknown = typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  return Array.isArray(found) ? found : [];
}

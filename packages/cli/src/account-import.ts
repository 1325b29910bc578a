/**
 * Sends a file of accounts to the deployment, some hundred lines at a time, and shows how far it is. The same import again changes nothing,
 * so a batch without an answer is sent again, and so is a whole file.
 */
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import { type Context, field, rowsOf } from "./command.ts";
import { type Deployment, faultText, jsonOf, ProblemFailure } from "./deployment.ts";
import { Failure, FAILED, OK } from "./failure.ts";

/** Of one request: the deployment takes 1,000 lines. */
const BATCH_LINES = 500;
/** A batch with few, long lines: less than Cloudflare lets any request have. */
const BATCH_CHARACTERS = 4_000_000;
const BATCH_MS = 300_000;
const MAX_TRIES = 4;
const RETRY_MS = 1_000;
/** Failed lines that are printed. */
const SHOWN_FAILURES = 100;

export const IMPORT_DETAILS = `Each line of the file is an account with its keys by SHA-256:
  {"id": "acme", "name": "Acme Inc.", "tier": "pro", "status": "active", "limits": {"minute": {"burst": 500}},
   "keys": [{"sha256": "2c26b46b…", "name": "production", "scopes": ["call"], "expiresAt": null, "mode": "live"}]}
All but the id may be left out. It may be repeated: what is there already is left as it is. Failed lines are printed, and it exits 1;
correct them and import the file again.`;

interface Line {
  /** In the file, from 1. */
  readonly number: number;
  readonly text: string;
}

interface Counts {
  lines: number;
  created: number;
  changed: number;
  unchanged: number;
  keysAdded: number;
  failed: number;
}

interface FailedLine {
  readonly line: number;
  readonly id: string | null;
  readonly error: unknown;
}

export async function importAccounts({
  arguments: given,
  options,
  deployment,
  out,
}: Context): Promise<number> {
  const file = given["file"] ?? "";
  const target = deployment();
  const counts: Counts = { lines: 0, created: 0, changed: 0, unchanged: 0, keysAdded: 0, failed: 0 };
  const failures: FailedLine[] = [];
  const take = (line: Line, answer: unknown): void => {
    counts.lines += 1;
    const result = field(answer, "result");
    if (result === "created" || result === "changed" || result === "unchanged") {
      counts[result] += 1;
      counts.keysAdded += rowsOf(answer, "keys").filter((key) => field(key, "result") === "added").length;
    } else {
      counts.failed += 1;
      const { id = null, error }: { id?: string | null; error?: unknown } = { ...Object(answer) };
      if (failures.length < SHOWN_FAILURES) failures.push({ line: line.number, id, error });
    }
    out.progress(textOf(counts));
  };
  for await (const batch of batchesOf(file)) await send(target, options.text("reason"), batch, take);
  out.result({ ...counts, failures }, () => [
    textOf(counts),
    ...failures.map(failureText),
    ...(counts.failed > failures.length ? [`and ${counts.failed - failures.length} more`] : []),
  ]);
  return counts.failed === 0 ? OK : FAILED;
}

/** The lines of a file in batches, without empty ones. @throws Failure if it cannot be read. */
async function* batchesOf(file: string): AsyncGenerator<Line[]> {
  const lines = createInterface({ input: createReadStream(file, "utf8"), crlfDelay: Infinity });
  let batch: Line[] = [];
  let characters = 0;
  let number = 0;
  try {
    for await (const text of lines) {
      number += 1;
      if (text.trim() === "") continue;
      batch.push({ number, text });
      characters += text.length;
      if (batch.length < BATCH_LINES && characters < BATCH_CHARACTERS) continue;
      yield batch;
      batch = [];
      characters = 0;
    }
  } catch (thrown) {
    if (thrown instanceof Failure) throw thrown;
    throw new Failure(`cannot read ${file}: ${thrown instanceof Error ? thrown.message : thrown}`);
  }
  if (batch.length > 0) yield batch;
}

/** Sends a batch until every line of it has an answer. @throws Failure after some tries. */
async function send(
  deployment: Deployment,
  reason: string | undefined,
  batch: readonly Line[],
  take: (line: Line, answer: unknown) => void,
): Promise<void> {
  let rest = batch;
  for (let tries = 1; rest.length > 0; tries++) {
    const answered = await sendOnce(deployment, reason, rest, take).catch((thrown: unknown) => {
      const isFinal = thrown instanceof ProblemFailure && thrown.status < 500;
      if (isFinal || tries >= MAX_TRIES || !(thrown instanceof Failure)) throw thrown;
      return 0;
    });
    if (answered > 0) tries = 0;
    rest = rest.slice(answered);
    if (rest.length > 0) await setTimeout(RETRY_MS * Math.max(1, tries));
  }
}

/** @returns how many lines were answered, which are the first ones. */
async function sendOnce(
  deployment: Deployment,
  reason: string | undefined,
  lines: readonly Line[],
  take: (line: Line, answer: unknown) => void,
): Promise<number> {
  const body = lines.map(({ text }) => `${text}\n`).join("");
  const response = await deployment.stream("/accounts/import", { reason }, body, BATCH_MS);
  const decoder = new TextDecoder();
  let answered = 0;
  let rest = "";
  const read = (text: string): void => {
    const [last = "", ...complete] = `${rest}${text}`.split("\n").toReversed();
    rest = last;
    for (const each of complete.toReversed()) {
      const line = lines[answered];
      if (!line || each === "") continue;
      take(line, jsonOf(each));
      answered += 1;
    }
  };
  try {
    for await (const chunk of response.body ?? []) read(decoder.decode(chunk, { stream: true }));
  } catch {
    // The connection broke: the others are sent again.
  }
  if (answered === 0) throw new Failure("the deployment did not answer the import: run it again");
  return answered;
}

function textOf({ lines, created, changed, unchanged, keysAdded, failed }: Counts): string {
  return `${lines} accounts: ${created} created, ${changed} changed, ${unchanged} unchanged, ${failed} failed; ${keysAdded} keys added`;
}

function failureText({ line, id, error }: FailedLine): string {
  const faults = rowsOf(error, "errors").map(faultText);
  const why = faults.length > 0 ? faults.join("; ") : field(error, "detail") || "no answer";
  return `  line ${line}${id === null ? "" : ` (${id})`}: ${why}`;
}

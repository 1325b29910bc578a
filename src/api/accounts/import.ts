/**
 * Imports accounts with their keys from another system: NDJSON in and out, one account a line, a result for each in the same order. Lines
 * are processed as they arrive, a few at a time; an invalid one fails alone. Keys come as SHA-256, so nobody sees them, and customers keep
 * those that they have.
 *
 * The same import again changes nothing, so what failed is repeated by sending the whole file again.
 */
import type { Context } from "hono";
import * as z from "zod/mini";
import { withDeadline } from "../../deadline.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { importedKeyId } from "../../identity/key-mode.ts";
import { keyRecordKey } from "../../identity/key-store.ts";
import { parseJson } from "../../json.ts";
import { messageOf } from "../../log.ts";
import type { AccountAnswer, NewKey } from "../../objects/account.ts";
import type { AccountImport, AccountImportAnswer } from "../../objects/account-import.ts";
import { overrideFaults } from "../../policy/adjust.ts";
import { tierOf } from "../../policy/compile.ts";
import { type Fault, parseBy } from "../../policy/fault.ts";
import { changeBy } from "../ask.ts";
import { type Line, linesOf } from "../decisions/ndjson.ts";
import { inWaves } from "../decisions/waves.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { reason } from "../fields.ts";
import { unknownName } from "../known-names.ts";
import { readQuery } from "../query.ts";
import { revisionFor, stubOf } from "./account-object.ts";
import { isTierRejection } from "./billing-problems.ts";
import { type ImportLine, importLineSchema } from "./import-line.ts";

/** Lines of one request. Each takes a call to an object and a read of KV for each key, and Cloudflare bounds these per request. */
export const MAX_LINES = 1_000;
/** An account with 100 keys, and room to spare. */
const MAX_LINE_LENGTH = 65_536;
/** Results are sent when so many lines are done: a sender that waits sees progress. */
const GROUP = 32;
/** One account: as in ask.ts. */
const DEADLINE_MS = 10_000;
const NDJSON = "application/x-ndjson";

const importQuery = z.strictObject({ reason });

export const IMPORT = {
  importAccounts: {
    method: "POST",
    path: `${ADMIN}/accounts/import`,
    access: "operator",
    query: importQuery,
    body: importLineSchema,
    isLines: true,
    handler: importAccounts,
  },
} as const satisfies Endpoints;

type ImportError =
  | { readonly code: "invalid_request"; readonly errors: readonly Fault[] }
  | { readonly code: "conflict" | "temporary_reduced_capacity"; readonly detail: string };

type ImportResult =
  | Pick<Extract<AccountImportAnswer, { kind: "imported" }>, "result" | "keys" | "published">
  | { readonly error: ImportError };

/** One line of the response. */
export type ImportLineAnswer = { readonly line: number; readonly id: string | null } & ImportResult;

function importAccounts(c: Context<AppEnv>): Response {
  const query = readQuery(c, importQuery);
  if (!query.ok) return query.response;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  c.executionCtx.waitUntil(answerLines(c, query.value.reason, writable.getWriter()));
  return new Response(readable, { headers: { "Content-Type": NDJSON, "Cache-Control": "no-store" } });
}

/** Never rejects. */
async function answerLines(
  c: Context<AppEnv>,
  why: string | undefined,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  const encoder = new TextEncoder();
  const write = (answers: readonly ImportLineAnswer[]): Promise<void> =>
    writer.write(encoder.encode(answers.map((answer) => `${JSON.stringify(answer)}\n`).join("")));
  const file = new ImportedFile(c, why);
  try {
    for await (const lines of linesOf(c.req.raw.body ?? new Blob([]).stream(), MAX_LINE_LENGTH)) {
      const accepted = lines.slice(0, MAX_LINES - file.lines);
      for (let from = 0; from < accepted.length; from += GROUP) {
        await write(await file.take(accepted.slice(from, from + GROUP)));
      }
      if (lines.length > accepted.length) {
        const message = `an import has at most ${MAX_LINES} lines; the rest was not read: send it in another request`;
        await write([{ line: MAX_LINES + 1, id: null, ...invalid([{ path: "", message }]) }]);
        break;
      }
    }
    await writer.close();
  } catch (thrown) {
    // The sender has left, or its body is incomplete. What was imported stays.
    await writer.abort(thrown).catch(() => undefined);
  }
}

/** What a line asks for, or why it cannot be done. */
type ReadLine = { readonly number: number } & (
  | { readonly kind: "account"; readonly line: ImportLine; readonly keys: readonly NewKey[] }
  | { readonly kind: "invalid"; readonly id: string | null; readonly faults: readonly Fault[] }
);

/** The lines of one request, of which no two may name the same account or key: their order would decide. */
class ImportedFile {
  readonly #c: Context<AppEnv>;
  readonly #why: string | undefined;
  /** The line of each account and of each key. */
  readonly #linesOfIds = new Map<string, number>();
  readonly #linesOfKeys = new Map<string, number>();
  lines = 0;
  #isNoted = false;

  constructor(c: Context<AppEnv>, why: string | undefined) {
    this.#c = c;
    this.#why = why;
  }

  /** Imports some lines. @returns their results, in the same order. Never rejects. */
  async take(lines: readonly Line[]): Promise<ImportLineAnswer[]> {
    const read = lines.map((line) => this.#read(line));
    if (read.some((line) => line.kind === "account" && line.keys.length > 0)) await this.#noteKeys();
    const answers: ImportLineAnswer[] = [];
    const indexed = read.map((line, index) => ({ line, index }));
    await inWaves(indexed, async ({ line, index }) => {
      const id = line.kind === "account" ? line.line.id : line.id;
      answers[index] = { line: line.number, id, ...(await this.#result(line)) };
    });
    return answers;
  }

  #read(line: Line): ReadLine {
    this.lines += 1;
    const number = this.lines;
    const value = line.kind === "line" ? parseJson(line.text) : undefined;
    const unreadable = [{ path: "", message: "is not JSON, or the line is too long" }];
    if (value === undefined) return { kind: "invalid", number, id: null, faults: unreadable };
    const parsed = parseBy(importLineSchema, value);
    if (!parsed.ok) return { kind: "invalid", number, id: null, faults: parsed.faults };
    const { id, keys = [] } = parsed.value;
    const faults = [
      ...repeated("/id", this.#linesOfIds, id, number),
      ...keys.flatMap(({ sha256 }, i) =>
        repeated(`/keys/${i}/sha256`, this.#linesOfKeys, sha256.toLowerCase(), number),
      ),
    ];
    if (faults.length > 0) return { kind: "invalid", number, id, faults };
    return { kind: "account", number, line: parsed.value, keys: keys.map(newKey) };
  }

  async #result(read: ReadLine): Promise<ImportResult> {
    if (read.kind === "invalid") return invalid(read.faults);
    if (read.keys.length > 0 && !this.#isNoted) return NOT_NOTED;
    try {
      return await withDeadline(this.#import(read.line, read.keys), DEADLINE_MS, "account");
    } catch (thrown) {
      const { services, requestId } = this.#c.var;
      const error = messageOf(thrown);
      services.log("error", "control_plane_failed", { requestId, what: "import of an account", error });
      return failed("temporary_reduced_capacity", "The account is not responding. Import the line again.");
    }
  }

  async #import(line: ImportLine, keys: readonly NewKey[]): Promise<ImportResult> {
    const c = this.#c;
    const { policy, services } = c.var;
    const { id, name, tier, status, limits, home } = line;
    if (tier !== undefined && !policy.tiers.has(tier)) {
      return invalid([unknownName("/tier", "tier", tier, policy.tiers.keys())]);
    }
    const stub = stubOf(c, id, home);
    if (limits !== undefined) {
      const answer: AccountAnswer | null = tier === undefined ? await stub.account() : null;
      const own = answer?.kind === "account" ? answer.account.tier : policy.defaultTier;
      const faults = overrideFaults(tierOf(policy, tier ?? own), limits);
      if (faults.length > 0) return invalid(faults);
    }
    const owned = await this.#ownedByOthers(id, keys);
    if (owned.length > 0) return invalid(owned);
    const input: AccountImport = {
      user: id,
      ...(name === undefined ? {} : { name }),
      ...(tier === undefined ? {} : { tier }),
      ...(status === undefined ? {} : { status }),
      ...(limits === undefined ? {} : { overrides: limits }),
      defaultTier: policy.defaultTier,
      keys,
    };
    const { actor, reason: why } = await changeBy(c, { reason: this.#why ?? "Import" });
    const revision = revisionFor(policy);
    const answer: AccountImportAnswer = await stub.importAccount(input, { actor, reason: why }, revision);
    services.limiter.forget(userSubject(id), Date.now());
    if (answer.kind === "too-many") {
      return failed("conflict", "The account would have more than 100 keys in force. Nothing was imported.");
    }
    if (isTierRejection(answer)) {
      return failed("conflict", `The tier or the limits cannot be changed now: ${answer.kind}.`);
    }
    services.limiter.heard.noteAccount(userSubject(id), answer.account, Date.now());
    const { result, keys: imported, published } = answer;
    return { result, keys: imported, published };
  }

  /** Before the first key exists, isolates must know that there are keys without a checksum. Once for a request: KV takes one a second. */
  async #noteKeys(): Promise<void> {
    if (this.#isNoted) return;
    const { services, requestId } = this.#c.var;
    try {
      await services.credentials.keys.noteImported();
      this.#isNoted = true;
    } catch (thrown) {
      const error = messageOf(thrown);
      services.log("error", "control_plane_failed", { requestId, what: "KV, for imported keys", error });
    }
  }

  /** The keys that work for other accounts. KV may lag behind a revocation by a minute. */
  async #ownedByOthers(id: string, keys: readonly NewKey[]): Promise<Fault[]> {
    const faults: Fault[] = [];
    for (const [i, { hash }] of keys.entries()) {
      const text = await this.#c.env.CONFIG.get(keyRecordKey(hash));
      const { user }: { user?: unknown } = { ...Object(text === null ? {} : parseJson(text)) };
      if (user !== undefined && user !== id) {
        faults.push({ path: `/keys/${i}/sha256`, message: "is a key of another account: revoke it there" });
      }
    }
    return faults;
  }
}

const NOT_NOTED = failed("temporary_reduced_capacity", "KV is not responding. Import the line again.");

function newKey({
  sha256,
  name = "",
  scopes = ["call"],
  expiresAt = null,
  mode = "live",
}: NonNullable<ImportLine["keys"]>[number]): NewKey {
  return {
    keyId: importedKeyId(mode),
    hash: sha256.toLowerCase(),
    name,
    scopes: [...new Set(scopes)],
    expiresMs: expiresAt === null ? null : Date.parse(expiresAt),
  };
}

/** A fault if an earlier line has this value too; else notes it. */
function repeated(path: string, lines: Map<string, number>, value: string, number: number): Fault[] {
  const earlier = lines.get(value);
  if (earlier === undefined) lines.set(value, number);
  return earlier === undefined ? [] : [{ path, message: `is in line ${earlier} already` }];
}

function invalid(errors: readonly Fault[]): { readonly error: ImportError } {
  return { error: { code: "invalid_request", errors } };
}

function failed(
  code: Exclude<ImportError["code"], "invalid_request">,
  detail: string,
): { readonly error: ImportError } {
  return { error: { code, detail } };
}

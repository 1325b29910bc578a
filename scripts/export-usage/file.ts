/**
 * Files of NDJSON in a directory: one for each range of hours, `usage-<from>-<to>.ndjson`, which appears when it is whole.
 *
 * Until then its name ends with `.part`. The progress has how long it was at each cursor, so an interrupted export cuts off what came after
 * that, and resumes there. It also says when a file is whole, before the file is renamed: no crash leaves two files with the same hours. With
 * gzip each page is a member of its own: gzip's members can be cut and concatenated.
 */
import { access, mkdir, open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as z from "zod/mini";
import type { Destination, Job } from "./destination.ts";
import { Failure } from "./failure.ts";
import type { Page } from "./source.ts";
import { StateFile } from "./state-file.ts";

/** The unfinished file, how much of it is known to be whole, and whether that is all of it. */
const partSchema = z.object({ part: z.string(), bytes: z.int().check(z.gte(0)), isWhole: z.boolean() });
type Part = z.infer<typeof partSchema>;

export class FileDestination implements Destination {
  readonly name: string;
  readonly progressAt: string;
  readonly #directory: string;
  readonly #isGzip: boolean;
  readonly #state: StateFile;
  #part: Part | null = null;

  constructor(directory: string, isGzip: boolean, stateFile: string | null) {
    this.name = directory;
    this.#directory = directory;
    this.#isGzip = isGzip;
    this.#state = new StateFile(stateFile ?? join(directory, "progress.json"), directory);
    this.progressAt = this.#state.path;
  }

  async open(job: Job, isDryRun: boolean): Promise<string | null> {
    try {
      if (!isDryRun) await mkdir(this.#directory, { recursive: true });
    } catch (thrown) {
      throw this.#failure(thrown);
    }
    const at = await this.#state.open(job, isDryRun);
    const part = partOf(at?.extra);
    if (!isDryRun) await this.#removeStrays();
    if (part?.isWhole !== true) {
      this.#part = part;
      return at?.cursor ?? null;
    }
    if (!isDryRun) await this.#publish(part);
    // A range that was done is exported again.
    return job.name === "all" ? (at?.cursor ?? null) : null;
  }

  async write({ cells, end }: Page): Promise<void> {
    const suffix = this.#isGzip ? ".ndjson.gz" : ".ndjson";
    const part = this.#part?.part ?? `usage-${shortTime(end.from)}-${shortTime(end.to)}${suffix}.part`;
    if (part.endsWith(".gz.part") !== this.#isGzip) {
      throw new Failure(
        `${part} was begun ${this.#isGzip ? "without" : "with"} --gzip: finish it in the same way`,
      );
    }
    const text = cells.map((cell) => `${JSON.stringify(cell)}\n`).join("");
    const added = this.#isGzip && text !== "" ? gzipSync(text) : Buffer.from(text);
    const from = this.#part?.bytes ?? 0;
    const next = { part, bytes: from + added.byteLength, isWhole: end.done };
    try {
      if (next.bytes > 0) await append(join(this.#directory, part), from, added);
      await this.#state.put(end, next.bytes > 0 ? next : undefined);
      this.#part = end.done || next.bytes === 0 ? null : next;
      if (!end.done || next.bytes === 0) return;
      await this.#publish(next);
      await this.#state.put(end);
    } catch (thrown) {
      throw this.#failure(thrown);
    }
  }

  async close(): Promise<void> {
    this.#state.close();
  }

  /** Gives a whole file its name, if it has not got it yet. */
  async #publish({ part, bytes }: Part): Promise<void> {
    const path = join(this.#directory, part);
    if (!(await isThere(path))) return;
    await append(path, bytes, new Uint8Array());
    await rename(path, path.slice(0, -".part".length));
  }

  /** Deletes unfinished files that no progress knows: a crash came before their first cursor. */
  async #removeStrays(): Promise<void> {
    const known = new Set(this.#state.extras.map((extra) => partOf(extra)?.part));
    for (const name of await readdir(this.#directory)) {
      if (/^usage-.*\.part$/.test(name) && !known.has(name)) await rm(join(this.#directory, name));
    }
  }

  #failure(thrown: unknown): Failure {
    if (thrown instanceof Failure) return thrown;
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    if (code === "ENOSPC")
      return new Failure(`${this.name}: the disk is full: make room, then run this again`);
    return new Failure(`cannot write to ${this.name}: ${message}`);
  }
}

function partOf(extra: unknown): Part | null {
  const part = partSchema.safeParse(extra);
  return part.success ? part.data : null;
}

function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** Writes from this byte on, and nothing after it. On disk when it returns. */
async function append(path: string, from: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, from === 0 ? "w" : "r+", 0o600);
  try {
    await file.truncate(from);
    await file.write(bytes, 0, bytes.byteLength, from);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** 2026-11-21T09:00:00Z as 20261121T09. */
function shortTime(time: string): string {
  return time.replaceAll("-", "").slice(0, 11);
}

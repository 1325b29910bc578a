/**
 * The progress of exports to destinations that cannot keep it themselves: a JSON file on this machine.
 *
 * It is written after what it is the progress of, so a crash in between repeats a page. Without the file an export begins again, which
 * changes nothing but takes longer. One process at a time: SQLite's lock beside it, which the kernel releases however a process ends.
 */
import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import * as z from "zod/mini";
import { parsed } from "../doctor/fields.ts";
import type { Job } from "./destination.ts";
import { Failure } from "./failure.ts";
import type { PageEnd } from "./source.ts";

const stateSchema = z.strictObject({
  format: z.literal(1),
  /** What is exported where: the file of another export must not be used by mistake. */
  product: z.string(),
  destination: z.string(),
  jobs: z.record(
    z.string(),
    z.strictObject({ cursor: z.string(), through: z.string(), extra: z.optional(z.unknown()) }),
  ),
});
type State = z.infer<typeof stateSchema>;

/** The file if none is named: another one for each destination. */
export function defaultStateFile(destination: string): string {
  const digest = createHash("sha256").update(destination).digest("hex").slice(0, 12);
  return join(import.meta.dirname, "..", "..", ".export", `${digest}.json`);
}

export class StateFile {
  readonly path: string;
  readonly #destination: string;
  #state: State | null = null;
  #job: Job | null = null;
  #lock: DatabaseSync | null = null;

  constructor(path: string, destination: string) {
    this.path = path;
    this.#destination = destination;
  }

  /** @returns the job's cursor, and what was stored with it; null: none. @throws Failure if the file is another export's, or in use. */
  async open(job: Job, isDryRun: boolean): Promise<{ cursor: string; extra: unknown } | null> {
    if (!isDryRun) {
      await mkdir(dirname(this.path), { recursive: true });
      this.#lock = lockOf(this.path);
    }
    const { product } = job;
    const text = await readFile(this.path, "utf8").catch((thrown: unknown) => {
      if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return null;
      throw new Failure(`cannot read the progress in ${this.path}: ${String(thrown)}`);
    });
    const found = text === null ? null : stateSchema.safeParse(parsed(text));
    if (found !== null && !found.success) {
      throw new Failure(
        `${this.path} is not the progress of an export: delete it, or name another file by --state`,
      );
    }
    const before = found?.data ?? null;
    if (before !== null && (before.product !== product || before.destination !== this.#destination)) {
      throw new Failure(
        `${this.path} is the progress from ${before.product} to ${before.destination}: name another file by --state`,
      );
    }
    this.#job = job;
    this.#state = before ?? { format: 1, product, destination: this.#destination, jobs: {} };
    const at = job.isRestart ? undefined : this.#state.jobs[job.name];
    return at === undefined ? null : { cursor: at.cursor, extra: at.extra };
  }

  /** What was stored with the cursors of all jobs. */
  get extras(): readonly unknown[] {
    return Object.values(this.#state?.jobs ?? {}).map(({ extra }) => extra);
  }

  /**
   * Stores a page's end. Removes the progress of a range that is done, so that it can be exported again.
   * @param extra to be stored with it, also that of a range that is done.
   */
  async put({ cursor, done, to }: PageEnd, extra?: unknown): Promise<void> {
    const [state, job] = [this.#state, this.#job];
    if (state === null || job === null) throw new Error("open the state first");
    const { [job.name]: _before, ...others } = state.jobs;
    const at = { cursor, through: to, ...(extra === undefined ? {} : { extra }) };
    const jobs = done && job.name !== "all" && extra === undefined ? others : { ...others, [job.name]: at };
    this.#state = { ...state, jobs };
    await writeDurably(this.path, `${JSON.stringify(this.#state, null, 2)}\n`);
  }

  close(): void {
    this.#lock?.close();
    this.#lock = null;
  }
}

/** Replaces a file in one step. */
async function writeDurably(path: string, text: string): Promise<void> {
  const next = `${path}.new`;
  const file = await open(next, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
}

function lockOf(path: string): DatabaseSync {
  const lock = new DatabaseSync(`${path}.lock`);
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch {
    lock.close();
    throw new Failure(`another export uses ${path}: wait until it has ended`);
  }
}

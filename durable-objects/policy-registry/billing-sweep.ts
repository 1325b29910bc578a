/**
 * The sweep after a policy that begins or ends billing: each account's object opens or ends its period, although nobody sends a request.
 *
 * One page of accounts per alarm, with its place in one value of the storage's key-value table. Objects open a period once, so accounts
 * may be swept twice. After the last page it begins again while some accounts have failed. An account that the directory does not list
 * yet opens its period with its next request.
 */
import * as z from "zod/mini";
import { withDeadline } from "../../src/deadline.ts";
import { userSubject } from "../../src/identity/authenticate.ts";
import { parseJson } from "../../src/json.ts";
import { createLog, messageOf } from "../../src/log.ts";
import { directoryOf, type DirectoryPage } from "../../src/objects/account-directory.ts";

const KEY = "billingSweep";
/** Accounts of one alarm: each takes a call to its object. */
const PAGE = 25;
/** Calls that take longer count as failed: the sweep comes back to them. */
const DEADLINE_MS = 5_000;
/** How long it waits before it begins again, or asks a directory again that did not answer. */
const RETRY_MS = 300_000;

const sweepSchema = z.strictObject({
  /** The policy by which the objects open their periods. */
  revision: z.int(),
  /** The last account that was swept. */
  after: z.string(),
  /** Accounts of this pass that failed. */
  failed: z.int(),
  dueMs: z.number(),
});
type Sweep = z.infer<typeof sweepSchema>;

const documentSchema = z.looseObject({ billing: z.optional(z.unknown()) });

/** Whether a policy's document has billing. */
export function hasBilling(document: string): boolean {
  const parsed = documentSchema.safeParse(parseJson(document));
  return parsed.success && parsed.data.billing !== undefined;
}

export class BillingSweep {
  readonly #kv: SyncKvStorage;
  readonly #env: Env;

  constructor(kv: SyncKvStorage, env: Env) {
    this.#kv = kv;
    this.#env = env;
  }

  /** When the next page is due; null: there is no sweep. */
  get dueMs(): number | null {
    return this.#read()?.dueMs ?? null;
  }

  /** Begins a sweep, in place of one that may be running. Call in the transaction of the revision. */
  begin(revision: number, nowMs: number): void {
    this.#put({ revision, after: "", failed: 0, dueMs: nowMs });
  }

  /** Sweeps the next page, if it is due. Never rejects because of an account or the directory. */
  async run(nowMs: number): Promise<void> {
    const sweep = this.#read();
    if (sweep === null || nowMs < sweep.dueMs) return;
    const page = await this.#page(sweep);
    // A newer revision may have begun another sweep meanwhile.
    if (this.#read()?.revision !== sweep.revision) return;
    if (page === null) {
      this.#put({ ...sweep, dueMs: nowMs + RETRY_MS });
      return;
    }
    const failed = sweep.failed + page.failed;
    if (page.next !== null) this.#put({ ...sweep, after: page.next, failed, dueMs: nowMs });
    else if (failed > 0) this.#put({ ...sweep, after: "", failed: 0, dueMs: nowMs + RETRY_MS });
    else this.#kv.delete(KEY);
  }

  /** Null: the directory does not answer. */
  async #page({ revision, after }: Sweep): Promise<{ next: string | null; failed: number } | null> {
    const log = createLog("info");
    const everybody = { tier: null, status: null, text: null, deleted: false };
    let page: DirectoryPage;
    try {
      const listed: Promise<DirectoryPage> = directoryOf(this.#env.ACCOUNT_DIRECTORY).list(
        everybody,
        after,
        PAGE,
      );
      page = await withDeadline(listed, DEADLINE_MS, "directory");
    } catch (thrown) {
      log("warn", "billing_sweep_waits", { error: messageOf(thrown) });
      return null;
    }
    const opened = await Promise.allSettled(
      page.entries.map(async ({ id }) => {
        const object = this.#env.USER_LIMITER.getByName(userSubject(id));
        await withDeadline(object.openBilling(revision), DEADLINE_MS, "account");
      }),
    );
    const failed = opened.filter(({ status }) => status === "rejected").length;
    if (failed > 0) log("warn", "billing_sweep_failed", { revision, accounts: failed });
    return { next: page.next, failed };
  }

  #read(): Sweep | null {
    const stored = this.#kv.get(KEY);
    return stored === undefined ? null : sweepSchema.parse(stored);
  }

  #put(sweep: Sweep): void {
    this.#kv.put(KEY, sweep);
  }
}

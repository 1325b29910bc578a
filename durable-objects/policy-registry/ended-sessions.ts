/**
 * Dashboard sessions that were logged out, until they would have expired anyway: one value per token in the storage's key-value table,
 * which needs no migration. Older Workers ignore it.
 *
 * Never accepts an ended session: beyond the bound it ends more sessions of the same token, not fewer.
 */
import * as z from "zod/mini";
import type { AdminSession } from "../../src/identity/admin/role.ts";

const PREFIX = "endedSessions:";
/** Ended sessions of one token, which take 60 KB. A token with more logouts within eight hours also ends its older sessions. */
export const MAX_ENDED = 1_000;
/** An ended session is kept this long after it expires, since the clock of the isolate that checks the expiry may be behind. */
const SLACK_MS = 600_000;

const endedSchema = z.strictObject({
  /** Every session of the token that expires at or before this moment has ended. Unix ms. */
  allUntilMs: z.number(),
  /** When each of the other ended sessions expires, by id. */
  expiresMs: z.record(z.string(), z.number()),
});
type Ended = z.infer<typeof endedSchema>;

export class EndedSessions {
  readonly #kv: SyncKvStorage;

  constructor(kv: SyncKvStorage) {
    this.#kv = kv;
  }

  /** Ends a session. Idempotent. */
  end({ id, name, expiresMs }: AdminSession, nowMs: number): void {
    this.#sweep(nowMs);
    const { allUntilMs, expiresMs: before } = this.#of(name);
    const all = Object.entries({ ...before, [id]: expiresMs })
      .filter(([, each]) => each > allUntilMs && isKept(each, nowMs))
      .toSorted(([, a], [, b]) => b - a);
    const [dropped] = all.splice(MAX_ENDED);
    const ended: Ended = {
      allUntilMs: Math.max(allUntilMs, dropped?.[1] ?? 0),
      expiresMs: Object.fromEntries(all),
    };
    this.#kv.put(PREFIX + name, ended);
  }

  /** @throws if the stored value cannot be read: then no session is known to be valid. */
  has({ id, name, expiresMs }: AdminSession): boolean {
    const ended = this.#of(name);
    return expiresMs <= ended.allUntilMs || Object.hasOwn(ended.expiresMs, id);
  }

  #of(name: string): Ended {
    const found = this.#kv.get(PREFIX + name);
    return found === undefined ? { allUntilMs: 0, expiresMs: {} } : endedSchema.parse(found);
  }

  /** Deletes the values of tokens whose ended sessions have all expired. There are as many values as tokens. */
  #sweep(nowMs: number): void {
    for (const [key, value] of this.#kv.list({ prefix: PREFIX })) {
      const { allUntilMs, expiresMs } = endedSchema.parse(value);
      if ([allUntilMs, ...Object.values(expiresMs)].every((each) => !isKept(each, nowMs))) {
        this.#kv.delete(key);
      }
    }
  }
}

function isKept(expiresMs: number, nowMs: number): boolean {
  return nowMs < expiresMs + SLACK_MS;
}

/**
 * Reads policies from KV into the isolate.
 *
 * KV holds `policy:current` -> `{revision, activatedAt}` and `policy:rev:<n>` -> a document that never changes. Where KV
 * holds no policy at all, the embedded default is in force as revision 0. A document that does not compile never takes
 * effect: the last good one stays, and {@link PolicyStore.problem} says what is wrong. A revision once seen is never left
 * for an older one.
 *
 * The cache is plain data shared between requests; each request awaits only its own calls to KV.
 */
import * as z from "zod/mini";
import embedded from "../../policy/default.json";
import { withDeadline } from "../deadline.ts";
import { parseJson } from "../json.ts";
import { type Log, messageOf } from "../log.ts";
import { compilePolicy, type Policy } from "./compile.ts";
import { parseBy } from "./fault.ts";

/** Younger than this, the cached policy is used as it is. */
const FRESH_MS = 10_000;
/**
 * Older than this, the request itself waits for KV. With KV's own cache of 30 s it keeps a change within a minute
 * everywhere; between the two the refresh runs behind the request.
 */
const STALE_MS = 25_000;
const KV_CACHE_SECONDS = 30;
/** A document never changes under its number, but KV's edge remembers as long that it was not there yet. */
const KV_DOCUMENT_CACHE_SECONDS = 60;
/** Local KV answers in about a millisecond, a cold central read in some hundred. */
const KV_DEADLINE_MS = 2_000;
/** How far a new isolate looks back for a good document when the current one is bad. */
const LOOK_BACK = 5;
/** Compiled policies kept: the current one and what lagging peers still speak of. */
const KEPT_REVISIONS = 4;

export const CURRENT_KEY = "policy:current";
export const documentKey = (revision: number): string => `policy:rev:${revision}`;

const currentSchema = z.object({ revision: z.int().check(z.gte(1), z.lte(2 ** 48)) });

/** Runs work behind the answer to a request, as ExecutionContext.waitUntil does. */
export type Background = (work: Promise<unknown>) => void;

/** Where policies come from before KV has them: the registry that numbers them. */
export interface PolicySource {
  /** The document of a revision as JSON text, or null where there is none. */
  document(revision: number): Promise<string | null>;
  /** The newest revision's number, 0 where there is none. */
  newest(): Promise<number>;
}

/** How asking KV for the policy went. */
export interface Reload {
  /** `refused`: what KV holds is no policy, or not to be had yet. `failed`: KV did not answer. The last good one stays. */
  readonly result: "unchanged" | "loaded" | "refused" | "failed";
  /** The revision in force after it, null where none is. */
  readonly revision: number | null;
  /** For how long the newest policy has not been in force here, as far as is known; 0 where it is. */
  readonly staleMs: number;
}

/** How {@link PolicyStore.current} was answered: from memory, or after asking KV. */
export type PolicyResult = "hit" | "miss";

export class PolicyStore {
  readonly #kv: KVNamespace;
  readonly #log: Log;
  readonly #told: (reload: Reload) => void;
  readonly #count: (result: PolicyResult) => void;
  readonly #registry: PolicySource | null;
  readonly #compiled = new Map<number, Policy>();
  #current: Policy | null = null;
  #checkedAtMs = -Infinity;
  #refreshingUntilMs = -Infinity;
  #problem: string | null = null;
  #staleSinceMs: number | null = null;

  /**
   * @param registry asked only where KV fails or does not have a revision yet.
   * @param told of each {@link refresh}; must be quick and never throw.
   * @param count told of each look-up; must be quick and never throw.
   */
  constructor(
    kv: KVNamespace,
    log: Log,
    registry: PolicySource | null = null,
    told: (reload: Reload) => void = () => {},
    count: (result: PolicyResult) => void = () => {},
  ) {
    this.#kv = kv;
    this.#log = log;
    this.#registry = registry;
    this.#told = told;
    this.#count = count;
  }

  /** Why the newest policy is not in force, or null where it is. */
  get problem(): string | null {
    return this.#problem;
  }

  /** The newest policy that this isolate has seen, without asking KV; null before the first. */
  get known(): Policy | null {
    return this.#current;
  }

  /** The policy in force. Null only where KV has never answered this isolate, so that nothing is known. */
  current(nowMs: number, background: Background): Policy | Promise<Policy | null> {
    const ageMs = nowMs - this.#checkedAtMs;
    if (this.#current && ageMs >= 0 && ageMs < STALE_MS) {
      this.#count("hit");
      if (ageMs >= FRESH_MS && nowMs >= this.#refreshingUntilMs) {
        this.#refreshingUntilMs = nowMs + KV_DEADLINE_MS;
        background(this.refresh(nowMs));
      }
      return this.#current;
    }
    this.#count("miss");
    return this.refresh(nowMs).then(() => this.#current);
  }

  /** The newest policy known that is at least `revision`, asking KV for that revision where needed; null where it is not to be had. */
  async atLeast(revision: number): Promise<Policy | null> {
    if (this.#current && this.#current.revision >= revision) return this.#current;
    if (revision === 0) return this.adopt(embeddedPolicy());
    const policy = await this.#load(revision);
    return policy ? this.adopt(policy) : null;
  }

  /** Asks KV what is in force. Keeps what there is where KV fails or holds rubbish. Never rejects. */
  async refresh(nowMs: number): Promise<void> {
    const before = this.#current;
    let failed = false;
    try {
      const text = await this.#read(CURRENT_KEY, KV_CACHE_SECONDS);
      if (text === null) {
        // Where somebody else has told a revision, KV is only late.
        const wasKnown = this.#current !== null;
        const { revision } = await this.#withoutPointer();
        if (wasKnown || revision === 0) this.#problem = null;
        else
          this.#report(
            "policy_missing",
            `${CURRENT_KEY} is not in KV, the registry has revision ${revision}`,
          );
      } else {
        await this.#activate(text);
      }
      this.#checkedAtMs = nowMs;
    } catch (thrown) {
      this.#report("policy_store_failed", `the policy store does not answer: ${messageOf(thrown)}`);
      await this.#refreshFromRegistry();
      // With a policy at hand, ask again soon, but not on every request.
      if (this.#current) this.#checkedAtMs = nowMs - FRESH_MS;
      failed = true;
    }
    this.#tell(before, failed, nowMs);
  }

  /** Takes a policy over that was put into force here, without waiting for KV. An older one changes nothing. */
  adopt(policy: Policy): Policy {
    if (this.#current && this.#current.revision >= policy.revision) return this.#current;
    this.#current = policy;
    this.#compiled.set(policy.revision, policy);
    for (const revision of this.#compiled.keys()) {
      if (this.#compiled.size <= KEPT_REVISIONS) break;
      this.#compiled.delete(revision);
    }
    return policy;
  }

  #tell(before: Policy | null, failed: boolean, nowMs: number): void {
    this.#staleSinceMs = this.#problem === null ? null : (this.#staleSinceMs ?? nowMs);
    const kept = this.#current === before ? "unchanged" : "loaded";
    const result = failed ? "failed" : this.#problem === null ? kept : "refused";
    const staleMs = Math.max(0, nowMs - (this.#staleSinceMs ?? nowMs));
    this.#told({ result, revision: this.#current?.revision ?? null, staleMs });
  }

  /** KV does not answer: the registry knows as well what is in force. Leaves the reported problem as it is. */
  async #refreshFromRegistry(): Promise<void> {
    if (!this.#registry) return;
    const problem = this.#problem;
    try {
      const newest = await withDeadline(this.#registry.newest(), KV_DEADLINE_MS, "policy registry");
      if (newest === 0) this.adopt(embeddedPolicy());
      else if (newest > (this.#current?.revision ?? 0)) {
        const policy = await this.#load(newest);
        if (policy) this.adopt(policy);
      }
    } catch (thrown) {
      this.#log("error", "policy_registry_failed", { error: messageOf(thrown) });
    }
    this.#problem = problem;
  }

  async #activate(text: string): Promise<void> {
    const pointer = parseBy(currentSchema, parseJson(text));
    if (!pointer.ok) {
      this.#report("policy_refused", `${CURRENT_KEY} is not {revision, activatedAt}`);
      await this.#withoutPointer();
      return;
    }
    const { revision } = pointer.value;
    if (this.#current && this.#current.revision >= revision) {
      this.#problem = null;
      return;
    }
    const policy = await this.#load(revision);
    if (policy) {
      this.adopt(policy);
      this.#problem = null;
    } else if (!this.#current) {
      await this.#lookBack(revision);
    }
  }

  /** KV does not say what is in force: what is known stays, and who knows nothing yet asks the registry, once. */
  async #withoutPointer(): Promise<Policy> {
    if (!this.#current) await this.#refreshFromRegistry();
    return this.#current ?? this.adopt(embeddedPolicy());
  }

  /** A new isolate has no last good policy in memory: the newest earlier document that compiles is it. */
  async #lookBack(revision: number): Promise<void> {
    const problem = this.#problem;
    for (let n = revision - 1; n >= Math.max(1, revision - LOOK_BACK) && !this.#current; n--) {
      const policy = await this.#load(n);
      if (policy) this.adopt(policy);
    }
    if (!this.#current) this.adopt(embeddedPolicy());
    this.#problem = problem;
  }

  async #load(revision: number): Promise<Policy | null> {
    const kept = this.#compiled.get(revision);
    if (kept) return kept;
    const text = await this.#document(revision);
    if (text === null) {
      this.#report("policy_missing", `policy revision ${revision} is not to be had yet`);
      return null;
    }
    const compiled = compilePolicy(parseJson(text), revision);
    if (compiled.ok) return compiled.value;
    const [first] = compiled.faults;
    this.#report(
      "policy_refused",
      `policy revision ${revision} is refused: ${first ? `${first.path || "/"} ${first.message}` : "not JSON"}`,
    );
    return null;
  }

  /** From KV, or where it fails or lags behind, from the registry. Rejects where neither answers. */
  async #document(revision: number): Promise<string | null> {
    const fromKv = this.#read(documentKey(revision), KV_DOCUMENT_CACHE_SECONDS);
    if (!this.#registry) return fromKv;
    const text = await fromKv.catch(() => null);
    return text ?? withDeadline(this.#registry.document(revision), KV_DEADLINE_MS, "policy registry");
  }

  async #read(key: string, cacheTtl: number): Promise<string | null> {
    return withDeadline(this.#kv.get(key, { type: "text", cacheTtl }), KV_DEADLINE_MS, `KV ${key}`);
  }

  #report(event: string, problem: string): void {
    // The same trouble again is not news: one line each time it changes.
    if (this.#problem !== problem) this.#log("error", event, { problem });
    this.#problem = problem;
  }
}

/** The policy that ships with the Worker, as revision 0. */
export function embeddedPolicy(): Policy {
  const compiled = compilePolicy(embedded, 0);
  if (!compiled.ok) throw new Error(`policy/default.json: ${JSON.stringify(compiled.faults)}`);
  return compiled.value;
}

/**
 * Loads policies from KV into the isolate.
 *
 * KV holds `policy:current` -> `{revision, activatedAt, purged?}` and `policy:rev:<n>` -> an immutable document. If KV has no policy, the
 * embedded default is in force as revision 0. A document that does not compile never takes effect: the last good one stays, and
 * {@link PolicyStore.problem} says what is wrong. The revision in force never decreases, and neither do the generations of cached
 * responses, which are adopted whether or not the revision is new.
 *
 * The cache is plain data shared between requests; each request awaits only its own calls to KV.
 */
import * as z from "zod/mini";
import embedded from "../../policy/default.json";
import { withDeadline } from "../deadline.ts";
import { parseJson } from "../json.ts";
import { type Log, messageOf } from "../log.ts";
import type { WaitUntil } from "../wait-until.ts";
import {
  type CacheGenerations,
  generationOf,
  laterGenerations,
  NOTHING_PURGED,
  readGenerations,
} from "./cache-generations.ts";
import { compilePolicy, type Policy } from "./compile.ts";
import { parseBy } from "./fault.ts";

/** A younger cached policy is used without asking KV. Each read is billed, although KV's own cache answers most. */
const FRESH_MS = 20_000;
/**
 * With an older cached policy, the request waits for KV. Together with KV's own cache of 30 s, a change reaches every location within a
 * minute. Between {@link FRESH_MS} and this age, the refresh runs in the background.
 */
const STALE_MS = 25_000;
const KV_CACHE_SECONDS = 30;
/** A document never changes under its number, but KV's edge also caches for this long that it did not exist yet. */
const KV_DOCUMENT_CACHE_SECONDS = 60;
/** A local KV read takes about a millisecond, a cold central read some hundred. */
const KV_DEADLINE_MS = 2_000;
/** Number of earlier revisions that a new isolate tries if the current document is faulty. */
const LOOK_BACK = 5;
/** Compiled policies cached: the current one, and those that lagging isolates still refer to. */
const KEPT_REVISIONS = 4;

export const CURRENT_KEY = "policy:current";
export const documentKey = (revision: number): string => `policy:rev:${revision}`;

/** Revision 0, the embedded default, needs a pointer only for its purges. */
const currentSchema = z
  .object({ revision: z.int().check(z.gte(0), z.lte(2 ** 48)), purged: z.optional(z.unknown()) })
  .check(z.refine(({ revision, purged }) => revision > 0 || readGenerations(purged) !== null));

/** The source of policies that KV does not have yet: the registry that numbers them. */
export interface PolicySource {
  /** The document of a revision as JSON text; null if there is none. */
  document(revision: number): Promise<string | null>;
  /** The newest revision's number; 0 if there is none. */
  newest(): Promise<number>;
  /** The newest purges of cached responses; null: there are none. */
  purged(): Promise<CacheGenerations | null>;
}

/** The result of asking KV for the policy. */
export interface Reload {
  /** `refused`: KV holds no valid policy, or not its document yet. `failed`: KV did not answer. Then the last good policy stays. */
  readonly result: "unchanged" | "loaded" | "refused" | "failed";
  /** The revision now in force; null if none is. */
  readonly revision: number | null;
  /** For how long the newest known policy has not been in force here; 0 if it is. */
  readonly staleMs: number;
}

/** How {@link PolicyStore.current} got its result: from memory (`hit`), or from KV (`miss`). */
export type PolicyResult = "hit" | "miss";

export class PolicyStore {
  readonly #kv: KVNamespace;
  readonly #log: Log;
  readonly #reloaded: (reload: Reload) => void;
  readonly #count: (result: PolicyResult) => void;
  readonly #registry: PolicySource | null;
  readonly #compiled = new Map<number, Policy>();
  #current: Policy | null = null;
  #purged = NOTHING_PURGED;
  #checkedAtMs = -Infinity;
  #refreshingUntilMs = -Infinity;
  #problem: string | null = null;
  #staleSinceMs: number | null = null;

  /**
   * @param registry asked only if KV fails or does not have a revision yet.
   * @param reloaded called after each {@link refresh}; must be quick and never throw.
   * @param count called for each lookup; must be quick and never throw.
   */
  constructor(
    kv: KVNamespace,
    log: Log,
    registry: PolicySource | null = null,
    reloaded: (reload: Reload) => void = () => {},
    count: (result: PolicyResult) => void = () => {},
  ) {
    this.#kv = kv;
    this.#log = log;
    this.#registry = registry;
    this.#reloaded = reloaded;
    this.#count = count;
  }

  /** Why the newest policy is not in force; null if it is. */
  get problem(): string | null {
    return this.#problem;
  }

  /** The newest policy that this isolate has seen, without asking KV; null before the first. */
  get known(): Policy | null {
    return this.#current;
  }

  /** The generation in which cached responses of a route are stored. It never decreases. */
  cacheGeneration(routeId: string): number {
    return generationOf(this.#purged, routeId);
  }

  /** Applies purges, such as one made through this isolate. Older ones change nothing. */
  adoptPurged(purged: CacheGenerations | null): void {
    if (purged) this.#purged = laterGenerations(this.#purged, purged);
  }

  /** The policy in force. Null only if neither KV nor the registry has ever answered this isolate. */
  current(nowMs: number, waitUntil: WaitUntil): Policy | Promise<Policy | null> {
    const ageMs = nowMs - this.#checkedAtMs;
    if (this.#current && ageMs >= 0 && ageMs < STALE_MS) {
      this.#count("hit");
      if (ageMs >= FRESH_MS && nowMs >= this.#refreshingUntilMs) {
        this.#refreshingUntilMs = nowMs + KV_DEADLINE_MS;
        waitUntil(this.refresh(nowMs));
      }
      return this.#current;
    }
    this.#count("miss");
    return this.refresh(nowMs).then(() => this.#current);
  }

  /** The newest known policy of at least this revision, loaded if necessary; null if it cannot be loaded. */
  async atLeast(revision: number): Promise<Policy | null> {
    if (this.#current && this.#current.revision >= revision) return this.#current;
    if (revision === 0) return this.adopt(embeddedPolicy());
    const policy = await this.#load(revision);
    return policy ? this.adopt(policy) : null;
  }

  /** The policy of exactly this revision, whether or not it is in force; null if it cannot be loaded. */
  at(revision: number): Promise<Policy | null> {
    return this.#load(revision);
  }

  /** Asks KV for the policy in force. Keeps the current one if KV fails or holds an invalid one. Never rejects. */
  async refresh(nowMs: number): Promise<void> {
    const before = this.#current;
    let failed = false;
    try {
      const text = await this.#read(CURRENT_KEY, KV_CACHE_SECONDS);
      if (text === null) await this.#useKnown();
      else await this.#activate(text);
      this.#checkedAtMs = nowMs;
    } catch (thrown) {
      this.#report("policy_store_failed", `KV is not responding: ${messageOf(thrown)}`);
      await this.#refreshFromRegistry();
      // With a policy in memory, ask again soon, but not on every request.
      if (this.#current) this.#checkedAtMs = nowMs - FRESH_MS;
      failed = true;
    }
    this.#publishReload(before, failed, nowMs);
  }

  /** Puts a policy that was activated through this isolate into force, without waiting for KV. An older one changes nothing. */
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

  #publishReload(before: Policy | null, failed: boolean, nowMs: number): void {
    this.#staleSinceMs = this.#problem === null ? null : (this.#staleSinceMs ?? nowMs);
    const kept = this.#current === before ? "unchanged" : "loaded";
    const result = failed ? "failed" : this.#problem === null ? kept : "refused";
    const staleMs = Math.max(0, nowMs - (this.#staleSinceMs ?? nowMs));
    this.#reloaded({ result, revision: this.#current?.revision ?? null, staleMs });
  }

  /** KV names no revision. If another source has named one, KV is only late. */
  async #useKnown(): Promise<void> {
    const wasKnown = this.#current !== null;
    const { revision } = await this.#withoutPointer();
    if (wasKnown || revision === 0) this.#problem = null;
    else this.#report("policy_missing", `${CURRENT_KEY} is not in KV, the registry has revision ${revision}`);
  }

  /** Asks the registry for the policy in force, because KV is not responding. Keeps the reported problem. */
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
      this.adoptPurged(await withDeadline(this.#registry.purged(), KV_DEADLINE_MS, "policy registry"));
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
    const { revision, purged } = pointer.value;
    this.adoptPurged(readGenerations(purged));
    if (revision === 0) return this.#useKnown();
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

  /** KV does not name the policy in force: the current one stays; an isolate without one asks the registry, once. */
  async #withoutPointer(): Promise<Policy> {
    if (!this.#current) await this.#refreshFromRegistry();
    return this.#current ?? this.adopt(embeddedPolicy());
  }

  /** A new isolate has no last good policy in memory: uses the newest earlier document that compiles. */
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
      this.#report("policy_missing", `policy revision ${revision} cannot be loaded yet`);
      return null;
    }
    const compiled = compilePolicy(parseJson(text), revision);
    if (compiled.ok) return compiled.value;
    const [first] = compiled.faults;
    this.#report(
      "policy_refused",
      `policy revision ${revision} is rejected: ${first ? `${first.path || "/"} ${first.message}` : "not JSON"}`,
    );
    return null;
  }

  /** Reads a document from KV, or from the registry if KV fails or lags. Rejects if neither answers. */
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
    // Log each problem once, when it changes.
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

/**
 * The RPC interface of the PolicyRegistry, the one object that numbers policies (durable-objects/policy-registry.ts), and the data
 * it exchanges. Times are Unix milliseconds.
 */
import type { AdminSession } from "../identity/admin/role.ts";
import type { CacheGenerations } from "../policy/cache-generations.ts";
import type { PolicySource } from "../policy/policy-store.ts";
import type { Change } from "./change.ts";

/** Each method rejects if the object's storage fails. */
export interface PolicyRegistryRpc extends Rpc.DurableObjectBranded {
  /** The revision in force; null: the embedded default, as revision 0. */
  newest(): Revision | null;
  revision(revision: number): Revision | null;
  /** Revisions below `before`, newest first; at most `count`. */
  revisions(before: number, count: number): RevisionInfo[];
  /**
   * Adds a document as the newest revision if the newest is still `expected` (0: the embedded default).
   * @param restores 0 if the document is the embedded default, rolled back to.
   */
  put(document: string, expected: number, change: Change, restores?: 0 | null): Promise<PutAnswer>;
  /** Adds an earlier revision's document again as the newest. */
  activate(revision: number, expected: number, change: Change): Promise<PutAnswer>;
  /**
   * Purges cached responses: raises the generation of these routes, or of all routes if null.
   * @param routes ids, at most MAX_PURGED_ROUTES.
   */
  purge(routes: readonly string[] | null, change: Change): Promise<PurgeAnswer>;
  /** The newest purges; null: there are none. */
  purged(): CacheGenerations | null;
  /** The last purges, newest first. */
  purges(): PurgeInfo[];
  /** Ends a dashboard session for good. */
  endSession(session: AdminSession): void;
  /** Whether a dashboard session was ended. */
  hasEnded(session: AdminSession): boolean;
}

/** One immutable revision, without its document. */
export interface RevisionInfo {
  readonly revision: number;
  readonly createdMs: number;
  readonly actor: string;
  readonly reason: string;
  /** The earlier revision that this one restored, or null. */
  readonly restores: number | null;
}

export interface Revision extends RevisionInfo {
  /** The policy document as JSON text. */
  readonly document: string;
}

export type PutAnswer =
  | {
      readonly kind: "revision";
      readonly revision: RevisionInfo;
      /** Whether KV has it already; if not, the registry keeps trying. */
      readonly published: boolean;
    }
  /** Another change came first: the newest revision is not the expected one. */
  | { readonly kind: "mismatch"; readonly newest: number }
  /** There is no such revision to restore. */
  | { readonly kind: "absent" };

/** One purge, as the log has it. */
export interface PurgeInfo {
  readonly generation: number;
  readonly createdMs: number;
  readonly actor: string;
  readonly reason: string;
  /** The first of the purged routes, by id; null: all routes. */
  readonly routes: readonly string[] | null;
  /** Purged routes that are not in `routes`. */
  readonly unnamed: number;
}

export interface PurgeAnswer {
  /** The number of this purge. */
  readonly generation: number;
  /** With it, all purges so far. */
  readonly purged: CacheGenerations;
  /** Whether KV has it already; if not, it follows within a second, or as soon as KV accepts it. */
  readonly published: boolean;
}

/** The one registry's object name. */
const REGISTRY_NAME = "policy";

export type RegistryStub = DurableObjectStub<PolicyRegistryRpc>;

/** A fresh stub of the registry. Stubs that have thrown may stay broken: never keep one. */
export function registryOf(namespace: DurableObjectNamespace<PolicyRegistryRpc>): RegistryStub {
  return namespace.getByName(REGISTRY_NAME);
}

/** The registry as the policy store's fallback when KV fails or lags. */
export function registrySource(namespace: DurableObjectNamespace<PolicyRegistryRpc>): PolicySource {
  return {
    document: async (revision) => (await registryOf(namespace).revision(revision))?.document ?? null,
    newest: async () => (await registryOf(namespace).newest())?.revision ?? 0,
    purged: async () => registryOf(namespace).purged(),
  };
}

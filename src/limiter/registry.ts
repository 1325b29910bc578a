/** What the control plane asks of the PolicyRegistry and gets back: revisions as plain data. Times are Unix ms. */

import type { PolicyRegistry } from "../../durable-objects/policy-registry.ts";
import type { PolicySource } from "../policy/policy-store.ts";

/** Who changed something, and why. */
export interface Change {
  readonly actor: string;
  readonly reason: string;
}

/** One immutable revision, without its document. */
export interface RevisionInfo {
  readonly revision: number;
  readonly createdMs: number;
  readonly actor: string;
  readonly reason: string;
  /** The earlier revision that this one brought back, or null. */
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
      /** Whether KV knows already; if not, the registry goes on trying. */
      readonly published: boolean;
    }
  /** Somebody else was faster: the newest revision is another one. */
  | { readonly kind: "mismatch"; readonly newest: number }
  /** There is no such revision to bring back. */
  | { readonly kind: "absent" };

/** The one registry's object name. */
const REGISTRY_NAME = "policy";

export type RegistryStub = DurableObjectStub<PolicyRegistry>;

/** A fresh stub of the registry. */
export function registryOf(namespace: DurableObjectNamespace<PolicyRegistry>): RegistryStub {
  return namespace.getByName(REGISTRY_NAME);
}

/** The registry as the policy store asks it, where KV fails or lags behind. */
export function registrySource(namespace: DurableObjectNamespace<PolicyRegistry>): PolicySource {
  return {
    document: async (revision) => (await registryOf(namespace).revision(revision))?.document ?? null,
    newest: async () => (await registryOf(namespace).newest())?.revision ?? 0,
  };
}

/**
 * The policies of the worlds in a simulated KV and registry, and the bindings to them. One for all worlds: objects of one isolate
 * share a policy store, which keeps the first bindings and never goes back to an older revision.
 */
import { compilePolicy, type Policy } from "../../src/policy/compile.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { billedDocument, policyDocument, VARIANTS } from "./policies.ts";
import type { VirtualTime } from "./virtual-time.ts";

const documents = [...VARIANTS.map(policyDocument), billedDocument()].map((document) =>
  JSON.stringify(document),
);

/** Adds a document. @returns the number of its variant. */
export function addDocument(document: PolicyDocument): number {
  return documents.push(JSON.stringify(document)) - 1;
}

class PolicyShelf {
  /** The variant of each revision. */
  variants = new Map<number, number>();
  #knownToKvMs = new Map<number, number>();
  #revision = 0;
  #time: VirtualTime | null = null;

  /** Starts another world. Revision numbers continue. */
  begin(time: VirtualTime): void {
    this.#time = time;
    this.variants = new Map();
    this.#knownToKvMs = new Map();
  }

  /** Publishes a new revision, which KV has after `lagMs`. */
  publish(variant: number, lagMs: number): Policy {
    this.#revision += 1;
    this.variants.set(this.#revision, variant);
    this.#knownToKvMs.set(this.#revision, this.nowMs + lagMs);
    const compiled = compilePolicy(JSON.parse(documents[variant] ?? ""), this.#revision);
    if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
    return compiled.value;
  }

  get nowMs(): number {
    return this.#time?.nowMs ?? 0;
  }

  /** Waits a millisecond of the world's time. */
  async pause(): Promise<void> {
    await this.#time?.wait(1);
  }

  async inKv(key: string): Promise<string | null> {
    const revision = Number(/^policy:rev:(\d+)$/.exec(key)?.[1] ?? Number.NaN);
    await this.pause();
    return this.nowMs >= (this.#knownToKvMs.get(revision) ?? Infinity) ? this.#documentOf(revision) : null;
  }

  async inRegistry(revision: number): Promise<{ document: string } | null> {
    await this.pause();
    const document = this.#documentOf(revision);
    return document === null ? null : { document };
  }

  #documentOf(revision: number): string | null {
    const variant = this.variants.get(revision);
    return variant === undefined ? null : (documents[variant] ?? null);
  }
}

export const shelf = new PolicyShelf();

// Objects use no other bindings.
export const bindings = {
  CONFIG: {
    get: (key: string) => shelf.inKv(key),
    put: () => shelf.pause(),
    delete: () => shelf.pause(),
  },
  POLICY_REGISTRY: { getByName: () => ({ revision: (revision: number) => shelf.inRegistry(revision) }) },
  ACCOUNT_DIRECTORY: { getByName: () => ({ put: async () => undefined }) },
} as unknown as Env;

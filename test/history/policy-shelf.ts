/**
 * The policies of the worlds as KV and the registry have them, and the bindings that lead there. One for all worlds: objects of one
 * isolate share a policy store, which knows the first bindings only and never goes back.
 */
import { compilePolicy, type Policy } from "../../src/policy/compile.ts";
import { policyDocument, VARIANTS } from "./policies.ts";
import type { VirtualTime } from "./virtual-time.ts";

const documents = VARIANTS.map((variant) => JSON.stringify(policyDocument(variant)));

class PolicyShelf {
  /** Which variant each revision is. */
  variants = new Map<number, number>();
  #knownToKvMs = new Map<number, number>();
  #revision = 0;
  #time: VirtualTime | null = null;

  /** Another world begins; numbers go on. */
  begin(time: VirtualTime): void {
    this.#time = time;
    this.variants = new Map();
    this.#knownToKvMs = new Map();
  }

  /** A new revision, which KV knows of later. */
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

  /** A moment of the world's. */
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

// What else an environment has, an object never asks for.
export const bindings = {
  CONFIG: {
    get: (key: string) => shelf.inKv(key),
    put: () => shelf.pause(),
    delete: () => shelf.pause(),
  },
  POLICY_REGISTRY: { getByName: () => ({ revision: (revision: number) => shelf.inRegistry(revision) }) },
  ACCOUNT_DIRECTORY: { getByName: () => ({ put: async () => undefined }) },
} as unknown as Env;

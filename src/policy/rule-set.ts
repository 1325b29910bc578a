/** The rules of a compiled policy, and their index, which the first request needs: objects and validations compile policies without one. */
import type { Route } from "./compiled.ts";
import type { RuleIndex } from "./rule-index.ts";
import type { RuleDocument } from "./rule-schema.ts";

export class RuleSet {
  readonly documents: readonly RuleDocument[];
  readonly #routes: readonly Route[];
  #index: RuleIndex | null = null;

  constructor(documents: readonly RuleDocument[], routes: readonly Route[]) {
    this.documents = documents;
    this.#routes = routes;
  }

  /**
   * A promise only for the first requests of a policy.
   * @param load loads what matches rules (src/rule-module.ts). An argument, since a policy that the admin API's module has compiled would
   * look for it elsewhere.
   */
  index(load: () => Promise<typeof RuleIndex>): RuleIndex | Promise<RuleIndex> {
    return this.#index ?? this.#load(load);
  }

  async #load(load: () => Promise<typeof RuleIndex>): Promise<RuleIndex> {
    const Index = await load();
    return (this.#index ??= new Index(this.documents, this.#routes));
  }
}

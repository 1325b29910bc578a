/** The product that all exports of a test run read from. Set before the first test. */
import type { Product } from "../blackbox/product.ts";
import type { Ledger, UsedProduct } from "./used-product.ts";

class Stage {
  #used: UsedProduct | null = null;
  #directory: string | null = null;

  set(used: UsedProduct, directory: string): void {
    [this.#used, this.#directory] = [used, directory];
  }

  get product(): Product {
    return this.#isSet().product;
  }

  /** What its ledgers have. */
  get ledger(): Ledger {
    return this.#isSet().ledger;
  }

  /** For files of the tests. */
  get directory(): string {
    if (this.#directory === null) throw new Error("the stage is not set");
    return this.#directory;
  }

  #isSet(): UsedProduct {
    if (this.#used === null) throw new Error("the stage is not set");
    return this.#used;
  }
}

export const stage = new Stage();

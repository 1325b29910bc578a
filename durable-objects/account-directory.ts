/**
 * AccountDirectory: the list of all accounts. Never on the request path. src/objects/account-directory.ts documents the methods.
 *
 * Only the class is here: what it does is in a module that the isolate loads with the first call (account-directory/directory-book.ts).
 * Each method is one transaction, so it does not matter what runs while that loads.
 */
import { loadControl } from "../src/control-module.ts";
import type {
  AccountDirectoryRpc,
  DirectoryEntry,
  DirectoryFilter,
  PolicyUse,
  UserFilter,
  UserPosition,
} from "../src/objects/account-directory.ts";
import type { DirectoryBook } from "./account-directory/directory-book.ts";
import { countedStorage, reportMetrics } from "./object-metrics.ts";
import { PlacedObject } from "./placed-object.ts";

export class AccountDirectory extends PlacedObject implements AccountDirectoryRpc {
  #book: DirectoryBook | null = null;

  async put(id: string, entry: DirectoryEntry | null, version: number) {
    (await this.#open()).put(id, entry, version);
    reportMetrics(this.ctx, this.env);
  }

  async uses() {
    return (await this.#open()).uses();
  }

  async usersOf(uses: readonly PolicyUse[], nowMs: number, most: number) {
    return (await this.#open()).usersOf(uses, nowMs, most);
  }

  async list(filter: DirectoryFilter, after: string, count: number) {
    return (await this.#open()).list(filter, after, count);
  }

  async known(after: string, count: number) {
    return (await this.#open()).known(after, count);
  }

  async users(filter: UserFilter, after: UserPosition | null, count: number) {
    return (await this.#open()).users(filter, after, count);
  }

  async find(ids: readonly string[], filter: UserFilter) {
    return (await this.#open()).find(ids, filter);
  }

  async clear() {
    await (await this.#open()).clear();
  }

  async #open(): Promise<DirectoryBook> {
    const { DirectoryBook } = await loadControl();
    return (this.#book ??= new DirectoryBook(countedStorage(this.ctx.storage, "AccountDirectory")));
  }
}

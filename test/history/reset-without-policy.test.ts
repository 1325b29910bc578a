/** A reset while no policy can be loaded: what is lent would stay open and be charged to the refilled limits (R11). */
import { expect, it } from "vitest";
import { AccountChanges } from "../../durable-objects/user-limiter/account-changes.ts";
import { UserStore } from "../../durable-objects/user-limiter/user-store.ts";
import { stopTime } from "./billed-user.ts";
import { Disk, storageOf } from "./sqlite-storage.ts";

stopTime();

const none = (): void => undefined;

function changes(): { readonly store: UserStore; readonly changes: AccountChanges } {
  const handle = { isReplaced: false, failNextWrite: false, onFailure: none, onAudit: none };
  const env: Env = Object.create(null);
  const store = new UserStore(storageOf(new Disk(), handle, none), env);
  return { store, changes: new AccountChanges(store) };
}

it("is rejected if something is lent, and only then", async () => {
  const { store, changes: made } = changes();
  await expect(made.drain()).resolves.toBeUndefined();
  store.memory.leases.lend({
    milli: 1_000,
    grantedAtMs: 0,
    endsAtMs: 1_000,
    counters: ["minute"],
    tier: "pro",
    route: null,
    keyId: null,
  });
  await expect(made.drain()).rejects.toThrow("no policy can be loaded");
  expect([made.isResetting, store.memory.leases.open.length]).toEqual([false, 1]);
});

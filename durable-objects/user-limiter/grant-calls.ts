/** What administrators do with an account's grants. account-object.ts says what all changes have in common. */
import { parseJson } from "../../src/json.ts";
import type { GrantAnswer, RevokedGrantAnswer } from "../../src/objects/account.ts";
import type { Change } from "../../src/objects/change.ts";
import type { Grant } from "../../src/policy/adjust.ts";
import type { AccountChanges } from "./account-changes.ts";
import { grantSettings } from "./account-views.ts";
import { BOTH, DENIALS } from "./fence-scopes.ts";
import { grantSchema } from "./grant-store.ts";
import type { UserStore } from "./user-store.ts";

export class GrantCalls {
  readonly #store: UserStore;
  readonly #changes: AccountChanges;

  constructor(store: UserStore, changes: AccountChanges) {
    this.#store = store;
    this.#changes = changes;
  }

  async grant(grant: Grant, by: Change): Promise<GrantAnswer> {
    const { accounts } = this.#store.memory;
    if (!accounts.account) return { kind: "no-account" };
    const isNew = this.#changes.callOf(by) === null;
    if (isNew && !accounts.grants.hasRoom(Date.now())) return { kind: "too-many" };
    const made = this.#changes.commitOnce(by, (memory, nowMs) => {
      memory.accounts.grant(grant, nowMs, memory.billing?.store.period?.period.startMs);
      memory.audit.note("account.grant", by, null, grantSettings(grant), nowMs);
      this.#changes.limitsChanged(memory, nowMs);
      return JSON.stringify(grant);
    });
    if (typeof made !== "string") return made;
    await this.#changes.effective(DENIALS);
    return { kind: "grant", grant: grantSchema.parse(parseJson(made)) };
  }

  async revoke(grantId: string, by: Change): Promise<RevokedGrantAnswer> {
    const { accounts } = this.#store.memory;
    if (!accounts.account) return { kind: "no-account" };
    const grant = accounts.grants.inForce(Date.now()).find((one) => one.grantId === grantId);
    if (!grant && this.#changes.callOf(by) === null) return { kind: "no-grant" };
    const revoked = this.#changes.commitOnce(by, (memory, nowMs) => {
      memory.accounts.revokeGrant(grantId, nowMs, grant && memory.billing?.admittedBy(grant));
      if (grant) memory.audit.note("grant.revoke", by, grantSettings(grant), null, nowMs);
      this.#changes.limitsChanged(memory, nowMs);
      return JSON.stringify(grant);
    });
    if (typeof revoked !== "string") return revoked;
    await this.#changes.effective(BOTH);
    return { kind: "revoked", grant: grantSchema.parse(parseJson(revoked)) };
  }
}

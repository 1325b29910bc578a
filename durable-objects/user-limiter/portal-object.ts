/** The customers' portal's side of an account's object: loads what answers (portal/portal-sessions.ts). src/objects/portal.ts documents the calls. */
import { loadControl } from "../../src/control-module.ts";
import type { Change } from "../../src/objects/change.ts";
import type { PortalProof, PortalRpc, PortalSecret } from "../../src/objects/portal.ts";
import { BillingObject } from "./billing-object.ts";
import type { PortalHost } from "./portal/portal-sessions.ts";
import { mayChange, sweepPortal } from "./portal/portal-rows.ts";

export abstract class PortalObject extends BillingObject implements PortalRpc {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env);
    this.changes.mayChange = (session) => mayChange(this.storage.sql, this.store.memory, session, Date.now());
  }

  async addPortalLink(link: PortalSecret, forMs: number, by: Change) {
    return (await loadControl()).addPortalLink(this.#portal(), link, forMs, by);
  }

  async endPortalSessions(by: Change) {
    return (await loadControl()).endPortalSessions(this.#portal(), by);
  }

  async openPortal(proof: PortalProof, session: PortalSecret) {
    return (await loadControl()).openPortal(this.#portal(), proof, session);
  }

  async portalSession(session: PortalSecret) {
    return (await loadControl()).portalSession(this.#portal(), session);
  }

  async closePortal(session: PortalSecret) {
    (await loadControl()).closePortal(this.#portal(), session);
  }

  /** Deletes links and sessions that have expired, and sets the alarm for the others. Call only if there are tables. */
  protected async sweepPortal(): Promise<void> {
    await this.store.wakeAt(sweepPortal(this.storage.sql, Date.now()));
  }

  #portal(): PortalHost {
    return { sql: this.storage.sql, store: this.store, changes: this.changes };
  }
}

/** A customer's visit to the portal: whose it is, and what it may change. Made for each request from what the account's object answers. */
import type { PortalSession } from "../objects/portal.ts";

export interface PortalVisit {
  /** The account's id. */
  readonly user: string;
  /** The id of its session. */
  readonly id: string;
  readonly session: PortalSession;
  readonly may: PortalRights;
}

/** What a session may change. Reading needs no right. */
export interface PortalRights {
  readonly keys: boolean;
  readonly budget: boolean;
  readonly tier: boolean;
}

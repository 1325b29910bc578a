/**
 * Sessions of the customers' portal as the edge exchanges them with the account's object: plain data. Times are Unix milliseconds.
 *
 * A secret never reaches the object: a credential is known by its id and the SHA-256 of its secret.
 */
import type { AccountStatus } from "./account.ts";
import type { Change } from "./change.ts";

/** How a session began: with one of the account's keys, or with a link that an operator has made. */
export const PORTAL_KINDS = ["key", "link"] as const;
export type PortalKind = (typeof PORTAL_KINDS)[number];

/** A link or a session, as it is stored. */
export interface PortalSecret {
  readonly id: string;
  /** SHA-256 in lower-case hex. */
  readonly digest: string;
}

export interface PortalSession {
  readonly kind: PortalKind;
  /** The key that it began with; null for a link. */
  readonly keyId: string | null;
  readonly expiresMs: number;
  /** Whether the key will expire: it has an expiry, or is in its grace period. False for a link. */
  readonly isEnding: boolean;
  /** Whether the key may call the API: one with only other scopes may not. True for a link. */
  readonly mayCall: boolean;
  /** The account now. */
  readonly account: { readonly name: string; readonly status: AccountStatus };
}

/** `absent`: there is no account. */
export type PortalLinkAnswer =
  | { readonly kind: "link"; readonly expiresMs: number }
  | { readonly kind: "absent" };

/** How many links that were not used yet, and how many sessions, have ended. */
export type EndedPortalAnswer =
  | { readonly kind: "ended"; readonly links: number; readonly sessions: number }
  | { readonly kind: "absent" };

/** What a customer signs in with. */
export type PortalProof =
  | { readonly kind: "key"; readonly keyId: string }
  | { readonly kind: "link"; readonly link: PortalSecret };

export type PortalAnswer =
  | { readonly kind: "session"; readonly session: PortalSession }
  /** There is no such session or link any more, or the key is no longer valid. */
  | { readonly kind: "ended" }
  /** The link has opened a session before. */
  | { readonly kind: "used" };

/** Objects of older versions lack these methods. Each rejects if storage fails. */
export interface PortalRpc {
  /** Keeps a link, which opens one session within `forMs`. */
  addPortalLink(link: PortalSecret, forMs: number, by: Change): Promise<PortalLinkAnswer>;
  /** Ends all links and sessions of the account. Safe to repeat. */
  endPortalSessions(by: Change): Promise<EndedPortalAnswer>;
  /** Begins a session. A link is used up in the same transaction. */
  openPortal(proof: PortalProof, session: PortalSecret): Promise<PortalAnswer>;
  /** The session, if it is in force; of a key, only as long as the key is. Writes nothing. */
  portalSession(session: PortalSecret): Promise<PortalAnswer>;
  /** Ends a session. Safe to repeat. */
  closePortal(session: PortalSecret): Promise<void>;
}

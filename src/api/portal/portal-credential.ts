/**
 * The token of a link to the portal, and the value of a session's cookie. Both contain the account, so that one call to its object checks
 * them, an id to find them by, and 32 random bytes, of which the object knows the SHA-256. No signing key is needed.
 *
 * Never logs or stores a secret.
 */
import { secretDigest } from "../../identity/secret-digest.ts";
import { isUserId } from "../../identity/user-id.ts";
import type { PortalSecret } from "../../objects/portal.ts";
import { base64url } from "../base64url.ts";

const ID_BYTES = 8;
const SECRET_BYTES = 32;
/** The id, the secret, the account. */
const FORM = /^([A-Za-z0-9_-]{11})([A-Za-z0-9_-]{43})\.(.{1,200})$/;

export interface PortalCredential {
  /** The account that it is for, if its object confirms it. */
  readonly user: string;
  readonly secret: PortalSecret;
}

/** A new credential from the platform's random source. @returns also its text, which nothing else keeps. */
export async function newPortalCredential(user: string): Promise<PortalCredential & { text: string }> {
  const [id, value] = [random(ID_BYTES), random(SECRET_BYTES)];
  return { user, secret: { id, digest: await secretDigest(value) }, text: `${id}${value}.${user}` };
}

/** Null if the text cannot be a credential. */
export async function readPortalCredential(text: string): Promise<PortalCredential | null> {
  const [, id, value, user] = FORM.exec(text) ?? [];
  if (id === undefined || value === undefined || !isUserId(user)) return null;
  return { user, secret: { id, digest: await secretDigest(value) } };
}

/** In base64url. */
function random(bytes: number): string {
  return base64url(crypto.getRandomValues(new Uint8Array(bytes)));
}

/**
 * What a customer signs in to the portal with by a link, and what their session's cookie has: the account, so that one call to its object
 * checks it, an id to find it by, and 32 random bytes, of which the object knows the SHA-256. No signing key is needed.
 *
 * Never logs or stores a secret.
 */
import type { PortalSecret } from "../../objects/portal.ts";
import { secretDigest } from "../../identity/secret-digest.ts";
import { isUserId } from "../../identity/user-id.ts";

const ID_BYTES = 8;
const SECRET_BYTES = 32;
/** The id, the secret, the account. */
const FORM = /^([A-Za-z0-9_-]{11})([A-Za-z0-9_-]{43})\.(.{1,200})$/;

export interface PortalCredential {
  /** The account that it is for, if its object confirms it. */
  readonly user: string;
  readonly secret: PortalSecret;
}

/** A new credential from the platform's random source. @returns also its text, which is nowhere else. */
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
  const binary = String.fromCharCode(...crypto.getRandomValues(new Uint8Array(bytes)));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

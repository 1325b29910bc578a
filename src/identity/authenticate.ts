/**
 * Authenticates a request by API key, by JWT, or else by the client's address. The first credential that is present decides.
 *
 * A bad credential is rejected; it never falls back to anonymous. Makes one key lookup at most, and none unless the key's checksum is
 * right or the deployment has imported keys of other systems, which have none.
 */
import { andThen } from "../and-then.ts";
import { isWellFormedApiKey, looksLikeApiKey, mayBeImportedKey } from "./api-key.ts";
import { clientIp } from "./client-ip.ts";
import type { JwtVerifier } from "./jwt.ts";
import type { KeyScope } from "./key-scope.ts";
import type { KeyLookup, KeyStore } from "./key-store.ts";
import { lengthFault } from "./issuer-settings.ts";

/** A caller, as the limiter knows it. */
export interface Caller {
  /** The name of the object that decides: `user:<id>` or `ip:<address>`. */
  readonly subject: string;
  readonly kind: "key" | "jwt" | "ip";
  /** Null for an anonymous caller. */
  readonly user: string | null;
  readonly keyId: string | null;
  /** The tier that the credential names; null: the account or the policy decides. */
  readonly tier: string | null;
  /** JWTs and anonymous callers have the scope `call`; only a key can have `check`. */
  readonly scopes: readonly KeyScope[];
}

export type Authentication =
  | { readonly kind: "caller"; readonly caller: Caller }
  | { readonly kind: "invalid"; readonly detail: string }
  | { readonly kind: "unavailable" };

export interface Credentials {
  readonly keys: KeyStore;
  /** Null if no JWT issuer is configured: every bearer token must then be an API key. */
  readonly jwt: JwtVerifier | null;
}

const BEARER = /^Bearer +(\S+) *$/i;

const MALFORMED = "The API key is malformed or mistyped: its checksum is wrong.";

/** Never rejects. Returns a promise only if KV must be read or a token verified. */
export function authenticate(
  headers: Headers,
  { keys, jwt }: Credentials,
  nowMs: number,
): Authentication | Promise<Authentication> {
  const apiKey = headers.get("X-API-Key");
  if (apiKey !== null) return byKey(apiKey, keys, nowMs);
  const authorization = headers.get("Authorization");
  if (authorization === null) return { kind: "caller", caller: anonymous(headers) };
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined)
    return invalid("The Authorization header must have the form: Bearer <key or token>.");
  if (looksLikeApiKey(token)) return byKey(token, keys, nowMs);
  if (jwt && looksLikeJwt(token)) return byToken(token, jwt, nowMs);
  return byImportedKey(token, keys, nowMs, () =>
    jwt ? byToken(token, jwt, nowMs) : invalid("The bearer token is not an API key of this service."),
  );
}

/** A JWT begins with its header, a JSON object in base64url: whatever follows `{`, the text begins so. */
function looksLikeJwt(token: string): boolean {
  return token.startsWith("ey") || token.startsWith("ew");
}

/**
 * Whether the credential was found to be good lately, or there is none: without a look-up and without verifying anything, so it may have
 * ended since.
 */
export function isKnown(headers: Headers, { keys, jwt }: Credentials): boolean {
  const apiKey = headers.get("X-API-Key");
  if (apiKey !== null) return keys.hasFound(apiKey);
  const authorization = headers.get("Authorization");
  if (authorization === null) return true;
  const token = BEARER.exec(authorization)?.[1];
  if (token === undefined) return false;
  return keys.hasFound(token) || (jwt?.hasVerified(token) ?? false);
}

function byKey(key: string, keys: KeyStore, nowMs: number): Authentication | Promise<Authentication> {
  const known = keys.known(key, nowMs);
  if (known) return ofKey(known, nowMs);
  if (!isWellFormedApiKey(key)) return byImportedKey(key, keys, nowMs, () => invalid(MALFORMED));
  return keys.find(key, nowMs).then((found) => ofKey(found, nowMs));
}

/** @param otherwise the result if the credential cannot be an imported key. */
function byImportedKey(
  key: string,
  keys: KeyStore,
  nowMs: number,
  otherwise: () => Authentication | Promise<Authentication>,
): Authentication | Promise<Authentication> {
  if (!mayBeImportedKey(key)) return otherwise();
  return andThen(keys.hasImported(nowMs), (hasImported) => {
    if (hasImported === null) return { kind: "unavailable" };
    if (!hasImported) return otherwise();
    const known = keys.known(key, nowMs);
    return known ? ofKey(known, nowMs) : keys.find(key, nowMs).then((found) => ofKey(found, nowMs));
  });
}

function ofKey(found: KeyLookup, nowMs: number): Authentication {
  if (found.kind === "unavailable") return found;
  if (found.kind === "unknown") return invalid("Unknown API key.");
  const { keyId, user, scopes, expiresAt } = found.record;
  if (expiresAt !== null && nowMs >= expiresAt) return invalid("The API key has expired.");
  return {
    kind: "caller",
    caller: { subject: userSubject(user), kind: "key", user, keyId, tier: null, scopes },
  };
}

async function byToken(token: string, jwt: JwtVerifier, nowMs: number): Promise<Authentication> {
  const result = await jwt.verify(token, nowMs);
  if (result.kind === "unavailable") return result;
  if (result.kind === "invalid") {
    return invalid(lengthFault(token) ?? "The bearer token is not valid or has expired.");
  }
  const { user, tier } = result;
  return {
    kind: "caller",
    caller: { subject: userSubject(user), kind: "jwt", user, keyId: null, tier, scopes: ["call"] },
  };
}

/** The caller without a credential, or whose credential is not ours to read. */
export function anonymous(headers: Headers): Caller {
  const subject = `ip:${clientIp(headers.get("CF-Connecting-IP"))}`;
  return { subject, kind: "ip", user: null, keyId: null, tier: null, scopes: ["call"] };
}

/** The name of a user's object. */
export function userSubject(user: string): string {
  return `user:${user}`;
}

function invalid(detail: string): Authentication {
  return { kind: "invalid", detail };
}

/**
 * Verifies JSON Web Tokens (RFC 7519) with `jose`.
 *
 * The algorithm is fixed by configuration and never taken from the token; `exp`, issuer and audience are required
 * (RFC 8725). Fails closed: any doubt is "not valid".
 */
import { createRemoteJWKSet, type JWKSCacheInput, jwksCache, jwtVerify, errors, type JWTPayload } from "jose";
import { type Log, messageOf } from "../log.ts";
import { isUserId } from "./user-id.ts";

export const HMAC_ALGORITHMS = ["HS256", "HS384", "HS512"] as const;
export const PUBLIC_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"] as const;
export type JwtAlgorithm = (typeof HMAC_ALGORITHMS)[number] | (typeof PUBLIC_ALGORITHMS)[number];

export interface JwtSettings {
  readonly algorithm: JwtAlgorithm;
  /** The shared secret (HS) or the JWKS URL (RS, ES). */
  readonly key:
    | { readonly kind: "secret"; readonly secret: string }
    | { readonly kind: "jwks"; readonly url: URL };
  readonly issuer: string;
  readonly audience: string;
  /** The claim that names the user's tier, or null: then tokens name none. */
  readonly tierClaim: string | null;
}

/** A longer token is refused unread: a real one has a few hundred characters. */
const MAX_TOKEN_LENGTH = 8_192;
/** For clocks that are a little apart. */
const CLOCK_TOLERANCE_SECONDS = 5;
const JWKS_DEADLINE_MS = 2_000;

export type JwtResult =
  | { readonly kind: "valid"; readonly user: string; readonly tier: string | null }
  | { readonly kind: "invalid" }
  | { readonly kind: "unavailable" };

export class JwtVerifier {
  readonly #settings: JwtSettings;
  readonly #log: Log;
  /** The key set as fetched: plain data, shared between requests (jose's own object would share a promise). */
  readonly #keySet: JWKSCacheInput = {};

  constructor(settings: JwtSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /** Never rejects. `unavailable`: the key set could not be fetched, so nobody can say. */
  async verify(token: string, nowMs: number): Promise<JwtResult> {
    if (token.length > MAX_TOKEN_LENGTH) return { kind: "invalid" };
    const { algorithm, issuer, audience, tierClaim } = this.#settings;
    const options = {
      algorithms: [algorithm],
      issuer,
      audience,
      requiredClaims: ["exp", "sub"],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(nowMs),
    };
    try {
      const payload = await this.#payload(token, options);
      if (!isUserId(payload.sub)) return { kind: "invalid" };
      const tier = tierClaim === null ? null : payload[tierClaim];
      return { kind: "valid", user: payload.sub, tier: typeof tier === "string" ? tier : null };
    } catch (thrown) {
      if (isTokensFault(thrown)) return { kind: "invalid" };
      this.#log("error", "jwt_keys_failed", { error: messageOf(thrown) });
      return { kind: "unavailable" };
    }
  }

  async #payload(token: string, options: Parameters<typeof jwtVerify>[2]): Promise<JWTPayload> {
    const { key } = this.#settings;
    if (key.kind === "secret") {
      return (await jwtVerify(token, new TextEncoder().encode(key.secret), options)).payload;
    }
    const keySet = createRemoteJWKSet(key.url, {
      [jwksCache]: this.#keySet,
      timeoutDuration: JWKS_DEADLINE_MS,
    });
    return (await jwtVerify(token, keySet, options)).payload;
  }
}

/** Whether the token is at fault, rather than the key set or its server. */
function isTokensFault(thrown: unknown): boolean {
  return (
    thrown instanceof errors.JOSEError &&
    !(thrown instanceof errors.JWKSTimeout) &&
    !(thrown instanceof errors.JWKSInvalid) &&
    thrown.code !== "ERR_JOSE_GENERIC"
  );
}

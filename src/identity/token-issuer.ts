/**
 * One trusted issuer of JSON Web Tokens (RFC 7519): verifies tokens that claim to come from it, with `jose`.
 *
 * The algorithm is fixed by configuration and never read from the token; `exp`, issuer and audience are required (RFC 8725). Fails
 * closed. The caller interprets the claims.
 */
import { createRemoteJWKSet, type JWKSCacheInput, jwksCache, jwtVerify, type JWTPayload } from "jose";
import { JOSEError, JWKSInvalid, JWKSTimeout } from "jose/errors";
import { type Log, messageOf } from "../log.ts";

export const HMAC_ALGORITHMS = ["HS256", "HS384", "HS512"] as const;
export const PUBLIC_ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"] as const;
export type JwtAlgorithm = (typeof HMAC_ALGORITHMS)[number] | (typeof PUBLIC_ALGORITHMS)[number];

export interface IssuerSettings {
  readonly algorithm: JwtAlgorithm;
  /** The shared secret (HS) or the JWKS URL (RS, ES). */
  readonly key:
    | { readonly kind: "secret"; readonly secret: string }
    | { readonly kind: "jwks"; readonly url: URL };
  readonly issuer: string;
  readonly audience: string;
}

/** A longer token is rejected unread: real ones have a few hundred characters. */
const MAX_TOKEN_LENGTH = 8_192;
/** Tolerates clocks that differ slightly. */
const CLOCK_TOLERANCE_SECONDS = 5;
const JWKS_DEADLINE_MS = 2_000;

/** `unavailable`: the key set could not be fetched, so the token could not be verified. */
export type VerifiedToken =
  | {
      readonly kind: "valid";
      readonly claims: JWTPayload;
      /** The end of the token's validity, tolerance included. Unix milliseconds. */
      readonly untilMs: number;
    }
  | { readonly kind: "invalid" }
  | { readonly kind: "unavailable" };

export class TokenIssuer {
  readonly #settings: IssuerSettings;
  readonly #log: Log;
  /** The fetched key set as plain data, shared between requests (jose's own object would share a promise). */
  readonly #keySet: JWKSCacheInput = {};

  constructor(settings: IssuerSettings, log: Log) {
    this.#settings = settings;
    this.#log = log;
  }

  /** Never rejects. */
  async verify(token: string, nowMs: number): Promise<VerifiedToken> {
    if (token.length > MAX_TOKEN_LENGTH) return { kind: "invalid" };
    const { algorithm, issuer, audience } = this.#settings;
    const options = {
      algorithms: [algorithm],
      issuer,
      audience,
      requiredClaims: ["exp"],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(nowMs),
    };
    try {
      const claims = await this.#claims(token, options);
      return { kind: "valid", claims, untilMs: ((claims.exp ?? 0) + CLOCK_TOLERANCE_SECONDS) * 1_000 };
    } catch (thrown) {
      if (isTokensFault(thrown)) return { kind: "invalid" };
      this.#log("error", "jwt_keys_failed", { issuer, error: messageOf(thrown) });
      return { kind: "unavailable" };
    }
  }

  async #claims(token: string, options: Parameters<typeof jwtVerify>[2]): Promise<JWTPayload> {
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

/** Whether the token caused the error, rather than the key set or its server. */
function isTokensFault(thrown: unknown): boolean {
  return (
    thrown instanceof JOSEError &&
    !(thrown instanceof JWKSTimeout) &&
    !(thrown instanceof JWKSInvalid) &&
    thrown.code !== "ERR_JOSE_GENERIC"
  );
}

/**
 * One trusted issuer of JSON Web Tokens (RFC 7519): verifies tokens that claim to come from it, with `jose`.
 *
 * The algorithm is fixed by configuration and never read from the token; `exp`, issuer and audience are required (RFC 8725). Fails
 * closed. The caller interprets the claims.
 */
import { decodeProtectedHeader, jwtVerify, type JWTPayload, type ProtectedHeaderParameters } from "jose";
import { JOSEError, JWSSignatureVerificationFailed } from "jose/errors";
import { type Log, messageOf } from "../log.ts";
import type { WaitUntil } from "../wait-until.ts";
import { type IssuerSettings, lengthFault } from "./issuer-settings.ts";
import { RemoteKeySet } from "./remote-key-set.ts";
import { isAcceptedType } from "./token-type.ts";

/** Tolerates clocks that differ slightly. */
const CLOCK_TOLERANCE_SECONDS = 5;
/** The end of the year 9999. Later times are no dates of RFC 3339, and the largest are no dates of JavaScript. */
const MAX_EXP_SECONDS = 253_402_300_800;

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
  readonly #keys: Uint8Array | RemoteKeySet;

  /** @param waitUntil see {@link RemoteKeySet}. */
  constructor(settings: IssuerSettings, log: Log, waitUntil: WaitUntil = () => {}) {
    const { algorithm, key } = settings;
    this.#settings = settings;
    this.#log = log;
    this.#keys =
      key.kind === "secret"
        ? new TextEncoder().encode(key.secret)
        : new RemoteKeySet(key.url, algorithm, log, waitUntil);
  }

  /** Never rejects. */
  async verify(token: string, nowMs: number): Promise<VerifiedToken> {
    const header = lengthFault(token) === null ? headerOf(token) : null;
    if (!header || !this.#accepts(header)) return { kind: "invalid" };
    const found =
      this.#keys instanceof RemoteKeySet
        ? await this.#keys.find(header.kid, nowMs)
        : ({ kind: "found", keys: [this.#keys] } as const);
    if (found.kind === "unavailable") return found;
    const claims = found.kind === "found" ? await this.#claims(token, found.keys, nowMs) : null;
    const { exp = Infinity } = claims ?? {};
    if (!claims || !(exp < MAX_EXP_SECONDS)) return { kind: "invalid" };
    return { kind: "valid", claims, untilMs: (exp + CLOCK_TOLERANCE_SECONDS) * 1_000 };
  }

  /** Whether a token with this header can be valid. Checked first: a token that cannot be valid causes no fetch. */
  #accepts({ alg, kid, typ }: ProtectedHeaderParameters): boolean {
    const isNamed = kid === undefined || typeof kid === "string";
    return alg === this.#settings.algorithm && isNamed && isAcceptedType(typ, this.#settings.typ);
  }

  /** The claims of a token that one of the keys has signed; null if it is not valid. */
  async #claims(
    token: string,
    keys: readonly (CryptoKey | Uint8Array)[],
    nowMs: number,
  ): Promise<JWTPayload | null> {
    const { algorithm, issuer, audience } = this.#settings;
    const options = {
      algorithms: [algorithm],
      issuer,
      audience,
      requiredClaims: ["exp"],
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      currentDate: new Date(nowMs),
    };
    for (const key of keys) {
      try {
        return (await jwtVerify(token, key, options)).payload;
      } catch (thrown) {
        if (thrown instanceof JWSSignatureVerificationFailed) continue;
        if (!(thrown instanceof JOSEError)) {
          this.#log("error", "jwt_failed", { issuer, error: messageOf(thrown) });
        }
        return null;
      }
    }
    return null;
  }
}

/** The header of a token, unverified; null if it has none. */
function headerOf(token: string): ProtectedHeaderParameters | null {
  try {
    return decodeProtectedHeader(token);
  } catch {
    return null;
  }
}

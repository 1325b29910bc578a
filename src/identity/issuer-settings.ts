/** How tokens of one trusted issuer are verified, for what does not verify any: token-issuer.ts is loaded with the first token. */

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
  /** The type (`typ` in the header) that every token must have; null: see `isAcceptedType` in token-type.ts. */
  readonly typ: string | null;
}

/** A longer token is rejected unread. Real ones have a few hundred characters; with a directory's groups in them, several thousand. */
const MAX_TOKEN_LENGTH = 16_384;
/** Why no issuer accepts a token of this length, as a sentence for the client; null if it is not too long. */
export function lengthFault(token: string): string | null {
  if (token.length <= MAX_TOKEN_LENGTH) return null;
  return `The token is too long: it has ${token.length} characters, at most ${MAX_TOKEN_LENGTH} are accepted.`;
}

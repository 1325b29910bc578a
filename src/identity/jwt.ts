/**
 * A user's JSON Web Token: what its issuer vouches for, read as a user and a tier. token-issuer.ts does the verifying.
 */
import type { Log } from "../log.ts";
import { type IssuerSettings, TokenIssuer } from "./token-issuer.ts";
import { isUserId } from "./user-id.ts";

export interface JwtSettings extends IssuerSettings {
  /** The claim that names the user's tier, or null: then tokens name none. */
  readonly tierClaim: string | null;
}

export type JwtResult =
  | { readonly kind: "valid"; readonly user: string; readonly tier: string | null }
  | { readonly kind: "invalid" }
  | { readonly kind: "unavailable" };

export class JwtVerifier {
  readonly #issuer: TokenIssuer;
  readonly #tierClaim: string | null;

  constructor(settings: JwtSettings, log: Log) {
    this.#issuer = new TokenIssuer(settings, log);
    this.#tierClaim = settings.tierClaim;
  }

  /** Never rejects. `unavailable`: the key set could not be fetched, so nobody can say. */
  async verify(token: string, nowMs: number): Promise<JwtResult> {
    const result = await this.#issuer.verify(token, nowMs);
    if (result.kind !== "valid") return result;
    const { claims } = result;
    if (!isUserId(claims.sub)) return { kind: "invalid" };
    const tier = this.#tierClaim === null ? null : claims[this.#tierClaim];
    return { kind: "valid", user: claims.sub, tier: typeof tier === "string" ? tier : null };
  }
}

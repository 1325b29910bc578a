/**
 * Reads a user and a tier from a user's JSON Web Token. token-issuer.ts verifies it, which is loaded with the first token.
 *
 * A valid token is cached for 30 s, never beyond its expiry, in a cache bounded in number and bytes. So a key that its issuer withdraws
 * is accepted for up to 30 s after it leaves the key set, which is itself cached longer (remote-key-set.ts).
 */
import { BoundedCache } from "../bounded-cache.ts";
import type { Log } from "../log.ts";
import { NAME } from "../policy/scalars.ts";
import { loadTokenIssuer } from "../token-module.ts";
import type { WaitUntil } from "../wait-until.ts";
import type { IssuerSettings } from "./issuer-settings.ts";
import type { TokenIssuer } from "./token-issuer.ts";
import { isUserId } from "./user-id.ts";

export interface JwtSettings extends IssuerSettings {
  /** The claim that names the user's tier; null: tokens name none. */
  readonly tierClaim: string | null;
}

const VERIFIED_MS = 30_000;
/** About 10 MB of isolate memory at most. */
const CACHED_TOKENS = 5_000;
const LONGEST_CACHED = 2_048;

export type JwtResult =
  | { readonly kind: "valid"; readonly user: string; readonly tier: string | null }
  | { readonly kind: "invalid" }
  | { readonly kind: "unavailable" };

export class JwtVerifier {
  /** Made with the first token. */
  #issuer: TokenIssuer | null = null;
  readonly #makeIssuer: (Issuer: typeof TokenIssuer) => TokenIssuer;
  readonly #tierClaim: string | null;
  readonly #verified = new BoundedCache<JwtResult>(CACHED_TOKENS);

  /** @param waitUntil see {@link TokenIssuer}. */
  constructor(settings: JwtSettings, log: Log, waitUntil?: WaitUntil) {
    this.#makeIssuer = (Issuer) => new Issuer(settings, log, waitUntil);
    this.#tierClaim = settings.tierClaim;
  }

  /** Never rejects. `unavailable`: the key set could not be fetched, so the token could not be verified. */
  verify(token: string, nowMs: number): JwtResult | Promise<JwtResult> {
    return this.#verified.get(token, nowMs) ?? this.#verify(token, nowMs);
  }

  /** Whether the token was valid, as far as this isolate remembers: it may have expired since. */
  hasVerified(token: string): boolean {
    return this.#verified.getStale(token) !== undefined;
  }

  async #verify(token: string, nowMs: number): Promise<JwtResult> {
    // No promise is shared: requests must not wait for one that another request began.
    const issuer = this.#issuer ?? (await this.#load());
    const result = await issuer.verify(token, nowMs);
    if (result.kind !== "valid") return result;
    const { claims, untilMs } = result;
    if (!isUserId(claims.sub)) return { kind: "invalid" };
    const tier = this.#tierClaim === null ? null : claims[this.#tierClaim];
    // A name that no policy can give a tier is ignored: it could be a built-in tier, or break a header.
    const named = typeof tier === "string" && NAME.test(tier) ? tier : null;
    const valid = { kind: "valid", user: claims.sub, tier: named } as const;
    if (token.length <= LONGEST_CACHED) {
      this.#verified.set(token, valid, Math.min(untilMs, nowMs + VERIFIED_MS));
    }
    return valid;
  }

  async #load(): Promise<TokenIssuer> {
    const Issuer = await loadTokenIssuer();
    return (this.#issuer ??= this.#makeIssuer(Issuer));
  }
}

/**
 * The admin tokens of the deployment: ADMIN_TOKEN and those that ADMIN_TOKENS lists by their digest.
 *
 * Compares digests in constant time, and always all of them, so that timing reveals nothing about the tokens.
 */
import { equalDigests } from "../equal-digests.ts";
import { secretDigest } from "../secret-digest.ts";
import { ADMIN_TOKEN_NAME, type AdminSettings, type AdminToken } from "./admin-settings.ts";

export class AdminTokens {
  readonly #settings: AdminSettings;
  #known: readonly AdminToken[] | null = null;

  constructor(settings: AdminSettings) {
    this.#settings = settings;
  }

  /** Whether no token is configured. */
  get isEmpty(): boolean {
    return this.#settings.token === null && this.#settings.tokens.length === 0;
  }

  /** The configured token with this secret, or null. */
  async find(secret: string): Promise<AdminToken | null> {
    const digest = await secretDigest(secret);
    let found: AdminToken | null = null;
    for (const token of await this.#all()) {
      if (equalDigests(digest, token.sha256)) found ??= token;
    }
    return found;
  }

  async #all(): Promise<readonly AdminToken[]> {
    if (this.#known) return this.#known;
    const { token, tokens } = this.#settings;
    const first: AdminToken[] =
      token === null ? [] : [{ name: ADMIN_TOKEN_NAME, role: "admin", sha256: await secretDigest(token) }];
    return (this.#known = [...first, ...tokens]);
  }
}

/**
 * Keys for signing what this deployment issues: derived (HKDF, RFC 5869) from the admin tokens, so any change to them ends all of it. If
 * only ADMIN_TOKENS is set, a key is derived from its digests alone: keep that variable as secret as a token.
 */
import type { AdminSettings } from "./admin-settings.ts";

/** An HMAC key that is derived with the first use. */
export class DerivedKey {
  readonly #settings: AdminSettings;
  readonly #purpose: string;
  #key: CryptoKey | null = null;

  /**
   * @param purpose separates this key from other keys derived from the tokens, and each format of what is signed from the next.
   * @throws if the settings have no token: anyone could derive the key.
   */
  constructor(settings: AdminSettings, purpose: string) {
    if (settings.token === null && settings.tokens.length === 0) {
      throw new Error("a key requires an admin token");
    }
    this.#settings = settings;
    this.#purpose = purpose;
  }

  async sign(text: string): Promise<Uint8Array> {
    return new Uint8Array(await crypto.subtle.sign("HMAC", await this.#derived(), bytes(text)));
  }

  /** Compares in constant time. */
  async verify(text: string, signature: Uint8Array): Promise<boolean> {
    return crypto.subtle.verify("HMAC", await this.#derived(), signature, bytes(text));
  }

  async #derived(): Promise<CryptoKey> {
    if (this.#key) return this.#key;
    const { token, tokens } = this.#settings;
    const secrets = JSON.stringify([token, tokens.map(({ name, role, sha256 }) => [name, role, sha256])]);
    const root = await crypto.subtle.importKey("raw", bytes(secrets), "HKDF", false, ["deriveKey"]);
    const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: bytes(this.#purpose) };
    const hmac = { name: "HMAC", hash: "SHA-256", length: 256 };
    return (this.#key = await crypto.subtle.deriveKey(hkdf, root, hmac, false, ["sign", "verify"]));
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

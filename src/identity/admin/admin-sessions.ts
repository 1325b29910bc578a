/**
 * The dashboard's sessions: `<payload>.<HMAC-SHA-256>`, both base64url, stored by the browser. The server stores only sessions that were
 * logged out (src/api/session/session-standing.ts), so a cookie that is valid here may be one of them.
 *
 * The key is derived (HKDF, RFC 5869) from the admin tokens, so any change to them ends every session. If only ADMIN_TOKENS is set, the
 * key is derived from its digests alone: keep that variable as secret as a token.
 */
import { decode, encode } from "jose/base64url";
import * as z from "zod/mini";
import { parseJson } from "../../json.ts";
import { parseBy } from "../../policy/fault.ts";
import type { AdminSettings } from "./admin-settings.ts";
import { actorNameSchema, type AdminSession, type Role, ROLES } from "./role.ts";

/** A working day. Then the dashboard asks for the token again. */
export const SESSION_MS = 8 * 3_600_000;
/** A longer value is rejected unread: the longest that is issued has about 500 characters. */
const MAX_VALUE_LENGTH = 1_024;
/** Separates this key from other keys derived from the tokens, and each payload format from the next. */
const PURPOSE = "edge-limiter admin session 2";

const payloadSchema = z.strictObject({
  id: z.string(),
  name: actorNameSchema,
  role: z.enum(ROLES),
  expiresMs: z.int(),
}) satisfies z.ZodMiniType<AdminSession>;

export interface IssuedSession {
  /** The cookie's value. */
  readonly value: string;
  readonly session: AdminSession;
}

export class AdminSessions {
  readonly #settings: AdminSettings;
  #key: CryptoKey | null = null;

  /** @throws if the settings have no token: anyone could derive the key. */
  constructor(settings: AdminSettings) {
    if (settings.token === null && settings.tokens.length === 0) {
      throw new Error("sessions require an admin token");
    }
    this.#settings = settings;
  }

  async issue({ name, role }: { name: string; role: Role }, nowMs: number): Promise<IssuedSession> {
    const session = { id: crypto.randomUUID(), name, role, expiresMs: nowMs + SESSION_MS };
    const payload = encode(JSON.stringify(session));
    const signature = await crypto.subtle.sign("HMAC", await this.#hmacKey(), bytes(payload));
    return { value: `${payload}.${encode(new Uint8Array(signature))}`, session };
  }

  /**
   * The session of a cookie; null if it has expired, was changed, or was issued under other tokens or by a version whose sessions had no
   * id. Does not check whether it was logged out.
   */
  async open(value: string, nowMs: number): Promise<AdminSession | null> {
    if (value.length > MAX_VALUE_LENGTH) return null;
    const [payload, signature, ...rest] = value.split(".");
    const given = decoded(signature);
    if (payload === undefined || given === null || rest.length > 0) return null;
    // Compares in constant time.
    if (!(await crypto.subtle.verify("HMAC", await this.#hmacKey(), given, bytes(payload)))) return null;
    const json = decoded(payload);
    const parsed = parseBy(payloadSchema, json && parseJson(new TextDecoder().decode(json)));
    return parsed.ok && nowMs < parsed.value.expiresMs ? parsed.value : null;
  }

  async #hmacKey(): Promise<CryptoKey> {
    if (this.#key) return this.#key;
    const { token, tokens } = this.#settings;
    const secrets = JSON.stringify([token, tokens.map(({ name, role, sha256 }) => [name, role, sha256])]);
    const root = await crypto.subtle.importKey("raw", bytes(secrets), "HKDF", false, ["deriveKey"]);
    const hkdf = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info: bytes(PURPOSE) };
    const hmac = { name: "HMAC", hash: "SHA-256", length: 256 };
    return (this.#key = await crypto.subtle.deriveKey(hkdf, root, hmac, false, ["sign", "verify"]));
  }
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

function decoded(text: string | undefined): Uint8Array | null {
  try {
    return text === undefined ? null : decode(text);
  } catch {
    return null;
  }
}

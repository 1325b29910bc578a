/**
 * The dashboard's sessions, signed (signed-text.ts) and stored by the browser. The server stores only sessions that were logged out
 * (src/api/session/session-standing.ts), so a cookie that is valid here may be one of them.
 */
import * as z from "zod/mini";
import { parseBy } from "../../policy/fault.ts";
import type { AdminSettings } from "./admin-settings.ts";
import { DerivedKey } from "./derived-key.ts";
import { actorNameSchema, type AdminSession, type Role, ROLES } from "./role.ts";
import { signed, verified } from "./signed-text.ts";

/** A working day. Then the dashboard asks for the token again. */
export const SESSION_MS = 8 * 3_600_000;
/** A longer value is rejected unread: the longest that is issued has about 500 characters. */
const MAX_VALUE_LENGTH = 1_024;
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
  readonly #key: DerivedKey;

  /** @throws if the settings have no token. */
  constructor(settings: AdminSettings) {
    this.#key = new DerivedKey(settings, PURPOSE);
  }

  async issue({ name, role }: { name: string; role: Role }, nowMs: number): Promise<IssuedSession> {
    const session = { id: crypto.randomUUID(), name, role, expiresMs: nowMs + SESSION_MS };
    return { value: await signed(this.#key, session), session };
  }

  /**
   * The session of a cookie; null if it has expired, was changed, or was issued under other tokens or by a version whose sessions had no
   * id. Does not check whether it was logged out.
   */
  async open(value: string, nowMs: number): Promise<AdminSession | null> {
    const parsed = parseBy(payloadSchema, await verified(this.#key, value, MAX_VALUE_LENGTH));
    return parsed.ok && nowMs < parsed.value.expiresMs ? parsed.value : null;
  }
}

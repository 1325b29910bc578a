/**
 * Links to a customer's invoice: who has one may download that document until it expires. Signed (signed-text.ts) and not stored, so one
 * cannot be taken back alone: a change to the admin tokens ends all of them.
 */
import * as z from "zod/mini";
import { parseBy } from "../../policy/fault.ts";
import type { AdminSettings } from "./admin-settings.ts";
import { DerivedKey } from "./derived-key.ts";
import { signed, verified } from "./signed-text.ts";

const PURPOSE = "edge-limiter invoice link 1";
/** The longest that is issued has about 1,220: of a user's id of 200 characters, also in the document's, JSON may escape each. */
const MAX_LENGTH = 1_280;

const payloadSchema = z.strictObject({ user: z.string(), document: z.string(), expiresMs: z.int() });

export type LinkedDocument = z.infer<typeof payloadSchema>;

export type OpenedLink =
  | ({ readonly kind: "open" } & LinkedDocument)
  | { readonly kind: "expired" }
  /** Changed, or issued under other tokens. */
  | { readonly kind: "invalid" };

export class DownloadLinks {
  readonly #key: DerivedKey;

  /** @throws if the settings have no token. */
  constructor(settings: AdminSettings) {
    this.#key = new DerivedKey(settings, PURPOSE);
  }

  /** The token that is a part of the link. */
  async issue({ user, document, expiresMs }: LinkedDocument): Promise<string> {
    return signed(this.#key, { user, document, expiresMs });
  }

  async open(token: string, nowMs: number): Promise<OpenedLink> {
    const parsed = parseBy(payloadSchema, await verified(this.#key, token, MAX_LENGTH));
    if (!parsed.ok) return { kind: "invalid" };
    return nowMs < parsed.value.expiresMs ? { kind: "open", ...parsed.value } : { kind: "expired" };
  }
}

/** The schema of a line of an import: an account and its keys, by their hashes. A schema only, so that openapi/ can import it. */
import * as z from "zod/mini";
import { KEY_MODES } from "../../identity/key-mode.ts";
import { KEY_SCOPES } from "../../identity/key-scope.ts";
import { userIdSchema } from "../../identity/user-id.ts";
import { HOMES } from "../../objects/home.ts";
import { displayName, instant, tierName } from "../fields.ts";
import { overridesSchema } from "./overrides.ts";

/** As many as an account may have at once. */
const MAX_KEYS = 100;

export const importedKeySchema = z.strictObject({
  sha256: z.string().check(z.regex(/^[0-9a-fA-F]{64}$/, "must be a SHA-256 of 64 hexadecimal digits")),
  name: z.optional(displayName),
  scopes: z.optional(z.array(z.enum(KEY_SCOPES)).check(z.minLength(1), z.maxLength(KEY_SCOPES.length))),
  /** A key that has expired is not added. */
  expiresAt: z.optional(z.nullable(instant)),
  mode: z.optional(z.enum(KEY_MODES)),
});

/** Left out: unchanged, or the default of a new account. */
export const importLineSchema = z.strictObject({
  id: userIdSchema,
  name: z.optional(displayName),
  tier: z.optional(tierName),
  status: z.optional(z.enum(["active", "blocked"])),
  /** Replaces all overrides. */
  limits: z.optional(overridesSchema),
  home: z.optional(z.enum(HOMES)),
  keys: z.optional(z.array(importedKeySchema).check(z.maxLength(MAX_KEYS))),
});
export type ImportLine = z.infer<typeof importLineSchema>;

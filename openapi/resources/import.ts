/** The import of accounts and keys: response schema and texts. */
import * as z from "zod/mini";
import { type ImportLine, importedKeySchema } from "../../src/api/accounts/import-line.ts";
import type { ImportLineAnswer } from "../../src/api/accounts/import.ts";
import { about, describeFields, named } from "../annotations.ts";
import { DISPLAY_NAME, type OperationNotes, REASON, text } from "../notes.ts";
import { faultsSchema } from "../problem-schema.ts";
import { count, words } from "../scalars.ts";

describeFields(importedKeySchema, {
  sha256: "SHA-256 of the key's bytes (UTF-8), in hexadecimal.",
  name: DISPLAY_NAME,
  scopes: 'Default: `["call"]`.',
  expiresAt: "Default, and null: the key does not expire. A key that has expired is not added.",
  mode: "Usage of a `test` key is not billed. Default: `live`.",
});

const where = {
  line: count("The number of the line, from 1; empty lines are not counted."),
  id: about("The account; null if the line cannot be read.", z.nullable(z.string())),
};

const importedSchema = z.strictObject({
  ...where,
  result: about("What the import did to the account.", z.enum(["created", "changed", "unchanged"])),
  keys: about(
    "The keys of the line, in order.",
    z.array(
      z.strictObject({
        keyId: about("Null for a key that was not added.", z.nullable(z.string())),
        result: about(
          "`present`: the account had it. `differs`: it has it with another name, scopes or expiry, which stay. `revoked`: it was revoked, and stays so. `expired`: it has expired, and is not added.",
          z.enum(["added", "present", "differs", "revoked", "expired"]),
        ),
      }),
    ),
  ),
  published: about("Whether all locations know it already; if not, they will shortly.", z.boolean()),
});

export const importLineAnswerSchema = named(
  "ImportResult",
  "What became of one line, or why it was not imported. The other lines are imported regardless.",
  z.union([
    importedSchema,
    z.strictObject({
      ...where,
      error: z.union([
        z.strictObject({ code: z.literal("invalid_request"), errors: faultsSchema }),
        z.strictObject({
          code: z.enum(["conflict", "temporary_reduced_capacity"]),
          detail: words("For people."),
        }),
      ]),
    }),
  ]),
) satisfies z.ZodMiniType<Readonly<ImportLineAnswer>>;

const lines = (...values: object[]): string => values.map((value) => `${JSON.stringify(value)}\n`).join("");

const ACME = {
  id: "acme",
  name: "Acme Inc.",
  tier: "pro",
  limits: { minute: { tokens: 2_000, burst: 3_000 } },
  keys: [{ sha256: "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae", name: "Production" }],
} satisfies ImportLine;

const CREATED = {
  line: 1,
  id: "acme",
  result: "created",
  keys: [{ keyId: "7c49bc07-717d-8019-a06b-602410bbae61", result: "added" }],
  published: true,
} as const;

const INVALID = {
  line: 2,
  id: null,
  error: {
    code: "invalid_request" as const,
    errors: [{ path: "/tier", message: 'unknown tier "x" (known: anonymous, free, pro)' }],
  },
};

const importAccounts: OperationNotes = {
  tag: "Accounts",
  summary: "Import accounts and their keys from another system, as NDJSON",
  description:
    "One account per line, at most 1,000 lines per request; each line is answered by one line, in order, as it is done. An invalid line fails alone. The same import again changes nothing. Accounts that exist are changed as far as the line says; keys are only ever added. Keys are given by their SHA-256 and may have any format of 16 to 200 printable characters that does not begin with `el_`; they are then listed, rotated and revoked as others. No two lines may name the same account or key, and a key belongs to one account. As JSON: a single line.",
  query: { reason: `${REASON} Default: \`Import\`.` },
  body: {
    fields: {
      id: "The user's id: the owner of keys, and the `sub` of tokens.",
      name: DISPLAY_NAME,
      tier: "Default of a new account: the policy's default tier.",
      status: "`blocked`: every request is rejected with 403.",
      limits: "Replaces all overrides.",
      home: "Of a new account: the region in which the user's object is created.",
      keys: "Keys that the account must have. Others that it has stay.",
    },
    examples: { account: ACME, minimal: { id: "user@example.com" } },
    others: [text("application/x-ndjson", lines(ACME, { id: "bob", tier: "x" }))],
  },
  responses: [
    {
      status: 200,
      description: "A line for each line of the body. The schema is that of a line.",
      contents: [
        {
          type: "application/x-ndjson",
          schema: importLineAnswerSchema,
          examples: { created: CREATED, invalid: INVALID },
        },
      ],
    },
  ],
};

export const IMPORT_NOTES = { importAccounts };

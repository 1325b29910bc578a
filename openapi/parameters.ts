/** Parameters in paths, queries (by the contract's schemas) and headers. */
import * as z from "zod/mini";
import { REPORT_NAMES } from "../src/analytics/reports/report-query.ts";
import { userIdSchema } from "../src/identity/user-id.ts";
import type { Endpoint } from "../src/api/endpoint.ts";
import { undescribedFields } from "./annotations.ts";
import type { JsonObject, SchemaBook } from "./schema-book.ts";

/** A query's schema, as the book writes it. */
const querySchema = z.object({
  properties: z.record(z.string(), z.looseObject({ description: z.optional(z.string()) })),
  required: z.optional(z.array(z.string())),
});

interface PathParameter {
  readonly schema: z.ZodMiniType;
  readonly description: string;
  readonly example: string;
}

const matching = (pattern: RegExp) => z.string().check(z.regex(pattern));

/** By name. A value that does not match is 404. */
const PATH_PARAMETERS: Readonly<Record<string, PathParameter>> = {
  id: {
    schema: userIdSchema,
    description: "The user's id: 1 to 200 printable ASCII characters without spaces, percent-encoded.",
    example: "acme",
  },
  keyId: {
    schema: z.string().check(z.regex(/^(test_)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)),
    description: "The key's id, not the key itself. That of a test key begins with `test_`.",
    example: "7c49bc07-717d-4019-a06b-602410bbae61",
  },
  grantId: {
    schema: z.uuid(),
    description: "The grant's id, as the account lists it.",
    example: "53785454-7f36-46e0-81d9-d419105b9357",
  },
  creditId: {
    description: "The credit's id.",
    schema: z.string(),
    example: "53785454-7f36-46e0-81d9-d419105b9357",
  },
  invoice: {
    description: "The id of an invoice or a credit note, as the account lists it.",
    schema: z.string(),
    example: "acme.20261001",
  },
  webhook: {
    description: "The endpoint's id, as the list shows it.",
    schema: z.string(),
    example: "we_8f14e45fceea167a5a36dedd4bea2543",
  },
  event: {
    description: "The event's id: its `webhook-id`.",
    schema: z.string(),
    example: "evt_5d41402abc4b2a76b9719d911017c592",
  },
  link: {
    description: "The link's token.",
    schema: z.string(),
    example: "eyJ1c2VyIjoiYWNtZSJ9.c2lnbmF0dXJl",
  },
  n: { schema: matching(/^\d{1,15}$/), description: "The revision's number.", example: "7" },
  name: {
    schema: z.enum(REPORT_NAMES),
    description: "The report's name.",
    example: "overview",
  },
  screen: {
    schema: matching(/^[a-z][a-z-]{0,31}$/),
    description: "The screen's name.",
    example: "overview",
  },
  asset: {
    schema: matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/),
    description: "The file's name.",
    example: "icon.svg",
  },
  file: {
    schema: matching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/),
    description: "The file's name.",
    example: "page.css",
  },
};

const IF_MATCH = {
  description: "The ETag of the revision that the change is based on, or `*` for any.",
  schema: { type: "string", pattern: '^(\\*|"\\d{1,15}")$' },
  example: '"7"',
};

const IDEMPOTENCY_KEY = {
  description:
    "Identifies the call for a day. The same call with the same key changes nothing again, and is answered as the first one: so a call without an answer can be sent again. With another body or query it is 422, and changes nothing.",
  schema: { type: "string" },
  example: "credit-2026-11-4711",
};

const HEADER = { in: "header", required: false, schema: { type: "string" } };

/** What a proxy says of its client's request. */
const FORWARDED = [
  {
    name: "X-Forwarded-Method",
    ...HEADER,
    description: "The method of the client's request. Or X-Original-Method.",
    example: "GET",
  },
  {
    name: "X-Forwarded-Uri",
    ...HEADER,
    description:
      "Its path and query, as the client wrote them. Or X-Original-URI; or the whole URL in X-Original-URL; or, without these, appended to the path of this request.",
    example: "/identify?page=2",
  },
  {
    name: "X-Forwarded-For",
    ...HEADER,
    description: "The last entry is the client's address.",
    example: "203.0.113.7",
  },
];

/** A path of the contract in OpenAPI's syntax. */
export function templateOf(path: string): string {
  return path.replaceAll(/:(\w+)/g, "{$1}");
}

export function parametersOf(endpoint: Endpoint, book: SchemaBook): JsonObject[] {
  const { ifMatch, idempotent } = endpoint;
  return [
    ...[...endpoint.path.matchAll(/:(\w+)/g)].map(([, name = ""]) => pathParameter(name, book)),
    ...queryParameters(endpoint, book),
    ...(endpoint.isTree ? FORWARDED : []),
    ...(ifMatch ? [{ name: "If-Match", in: "header", required: ifMatch === "required", ...IF_MATCH }] : []),
    ...(idempotent ? [{ name: "Idempotency-Key", in: "header", required: false, ...IDEMPOTENCY_KEY }] : []),
  ];
}

function pathParameter(name: string, book: SchemaBook): JsonObject {
  const known = PATH_PARAMETERS[name];
  if (!known) throw new Error(`the path parameter :${name} has no description`);
  const { description, schema, example } = known;
  return { name, in: "path", required: true, description, schema: book.write(schema), example };
}

function queryParameters({ path, query }: Endpoint, book: SchemaBook): JsonObject[] {
  if (!query) return [];
  const undescribed = undescribedFields(query);
  if (undescribed.length > 0)
    throw new Error(`${path}: parameters without a description: ${undescribed.join(", ")}`);
  const { properties, required = [] } = querySchema.parse(book.write(query));
  return Object.entries(properties).map(([name, { description = "", ...schema }]) => ({
    name,
    in: "query",
    required: required.includes(name),
    description,
    schema,
  }));
}

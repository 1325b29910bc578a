/** One operation of the document: the contract's declaration of an endpoint, with its notes. */
import * as z from "zod/mini";
import type { Endpoint } from "../src/api/endpoint.ts";
import { describeFields, undescribedFields } from "./annotations.ts";
import type { HeaderName } from "./headers.ts";
import type { BodyNotes, Content, OperationNotes, ResponseNotes } from "./notes.ts";
import { parametersOf } from "./parameters.ts";
import { headerReferences, type ProblemResponses } from "./problem-responses.ts";
import { problemsOf } from "./problems.ts";
import type { JsonObject, SchemaBook } from "./schema-book.ts";
import { roleNote, securityOf } from "./security.ts";

/** @throws Error if the notes do not match the contract: a missing body, undescribed fields, two responses with one status. */
export async function operation(
  id: string,
  endpoint: Endpoint,
  notes: OperationNotes,
  book: SchemaBook,
  problems: ProblemResponses,
): Promise<JsonObject> {
  if (endpoint.query && notes.query) describeFields(endpoint.query, notes.query);
  const parameters = parametersOf(endpoint, book);
  const description = [notes.description, roleNote(endpoint.access)].filter((text) => text !== null);
  return {
    operationId: id,
    tags: [notes.tag],
    summary: notes.summary,
    description: description.join(" "),
    security: securityOf(endpoint.access),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(endpoint.body ? { requestBody: requestBody(id, endpoint.body, notes.body, book) } : {}),
    responses: await responses(endpoint, notes, book, problems),
  };
}

function requestBody(
  id: string,
  contractSchema: NonNullable<Endpoint["body"]>,
  notes: BodyNotes | undefined,
  book: SchemaBook,
): JsonObject {
  if (!notes) throw new Error(`${id}: the body has no example`);
  const { fields, schema = contractSchema, examples, others = [] } = notes;
  if (fields) {
    // The narrower schema must have the contract's fields.
    describeFields(contractSchema, fields);
    describeFields(schema, fields);
  }
  const undescribed = undescribedFields(schema);
  if (undescribed.length > 0)
    throw new Error(`${id}: fields without a description: ${undescribed.join(", ")}`);
  return {
    // An empty body has no fields (src/api/body.ts).
    required: !z.safeParse(contractSchema, {}).success,
    content: contents([{ type: "application/json", schema, examples }, ...others], book),
  };
}

async function responses(
  endpoint: Endpoint,
  { responses: usual, problems: more = [] }: OperationNotes,
  book: SchemaBook,
  problems: ProblemResponses,
): Promise<JsonObject> {
  const byStatus = new Map<number, JsonObject>();
  for (const notes of usual) byStatus.set(notes.status, response(notes, endpoint, book));
  for (const [status, kinds] of await problemsOf(endpoint, more)) {
    if (byStatus.has(status)) throw new Error(`${endpoint.path}: ${status} is both a response and a problem`);
    byStatus.set(status, await problems.refer(kinds, book));
  }
  return Object.fromEntries([...byStatus].toSorted(([a], [b]) => a - b));
}

function response(
  { status, description, contents: bodies = [], headers: more = [] }: ResponseNotes,
  { access }: Endpoint,
  book: SchemaBook,
): JsonObject {
  const own: readonly HeaderName[] = access === "none" ? ["X-Request-Id"] : ["X-Request-Id", "Cache-Control"];
  const headers = status === 101 ? more : [...own, ...more];
  return {
    description,
    ...(headers.length > 0 ? { headers: headerReferences(headers) } : {}),
    ...(bodies.length > 0 ? { content: contents(bodies, book) } : {}),
  };
}

function contents(bodies: readonly Content[], book: SchemaBook): JsonObject {
  return Object.fromEntries(
    bodies.map(({ type, schema, examples }) => [
      type,
      {
        schema: schema ? book.write(schema) : { type: "string" },
        examples: Object.fromEntries(
          Object.entries(examples).map(([name, value]) => [componentName(name), { summary: name, value }]),
        ),
      },
    ]),
  );
}

function componentName(words: string): string {
  return words.replaceAll(/[^A-Za-z0-9]+/g, "-");
}

/** One operation of the document: what the contract says of an endpoint, and what responses.ts adds to it. */
import type { Endpoint } from "../src/api/contract.ts";
import type { Answer, Content, Notes } from "./notes.ts";
import { parametersOf } from "./parameters.ts";
import { headerReferences, type ProblemResponses } from "./problem-responses.ts";
import { problemsOf } from "./problems.ts";
import type { JsonObject, SchemaBook } from "./schema-book.ts";
import { roleNote, securityOf } from "./security.ts";

export async function operation(
  id: string,
  endpoint: Endpoint,
  notes: Notes,
  book: SchemaBook,
  problems: ProblemResponses,
): Promise<JsonObject> {
  const parameters = parametersOf(endpoint, book);
  const description = [notes.description, roleNote(endpoint.access)].filter((text) => text !== null);
  return {
    operationId: id,
    tags: [notes.tag],
    summary: notes.summary,
    description: description.join(" "),
    security: securityOf(endpoint.access),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(endpoint.body ? { requestBody: requestBody(id, notes, book) } : {}),
    responses: await responses(endpoint, notes, book, problems),
  };
}

function requestBody(id: string, { request }: Notes, book: SchemaBook): JsonObject {
  if (!request) throw new Error(`${id} takes a body, and has no example of one`);
  return { required: true, content: contents(request, book) };
}

async function responses(
  endpoint: Endpoint,
  { answers, problems: more = [] }: Notes,
  book: SchemaBook,
  problems: ProblemResponses,
): Promise<JsonObject> {
  const byStatus = new Map<number, JsonObject>();
  for (const answer of answers) byStatus.set(answer.status, response(answer, endpoint, book));
  for (const [status, kinds] of await problemsOf(endpoint, more)) {
    if (byStatus.has(status)) throw new Error(`${endpoint.path} has two kinds of answers with ${status}`);
    byStatus.set(status, await problems.refer(kinds, book));
  }
  return Object.fromEntries([...byStatus].toSorted(([a], [b]) => a - b));
}

function response(
  { status, description, contents: bodies = [], headers: more = [] }: Answer,
  { access }: Endpoint,
  book: SchemaBook,
): JsonObject {
  const isPrivate = access !== "none" && status !== 101;
  const headers = isPrivate ? ["Cache-Control", ...more] : more;
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

/** Responses that are problems: one component for each set of problems with one status, because most endpoints share them. */
import { HEADERS } from "./headers.ts";
import type { ApiProblem } from "./notes.ts";
import { problemSchema } from "./problem-schema.ts";
import { PROBLEM_NOTES, problemExample } from "./problems.ts";
import type { JsonObject, SchemaBook } from "./schema-book.ts";

export class ProblemResponses {
  readonly #responses = new Map<string, JsonObject>();

  /** A reference to the response for these problems, which share a status. */
  async refer(kinds: readonly ApiProblem[], book: SchemaBook): Promise<JsonObject> {
    const name = kinds.join(".");
    if (!this.#responses.has(name)) this.#responses.set(name, await response(kinds, book));
    return { $ref: `#/components/responses/${name}` };
  }

  /** All responses referred to, by name. */
  get components(): JsonObject {
    return Object.fromEntries([...this.#responses].toSorted(([a], [b]) => (a < b ? -1 : 1)));
  }
}

async function response(kinds: readonly ApiProblem[], book: SchemaBook): Promise<JsonObject> {
  const examples = await Promise.all(
    kinds.map(async (kind) => [kind, { value: (await problemExample(kind)).body }] as const),
  );
  const headers = new Set(["X-Request-Id", ...kinds.flatMap((kind) => PROBLEM_NOTES[kind].headers ?? [])]);
  return {
    description: kinds.map((kind) => PROBLEM_NOTES[kind].when).join(" Or: "),
    headers: headerReferences([...headers]),
    content: {
      "application/problem+json": {
        schema: book.write(problemSchema),
        examples: Object.fromEntries(examples),
      },
    },
  };
}

export function headerReferences(names: readonly string[]): JsonObject {
  const known = names.filter((name) => Object.hasOwn(HEADERS, name));
  return Object.fromEntries(known.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

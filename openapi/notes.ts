/** The form in which an endpoint's answers and examples are written down; responses.ts holds them all. */
import type * as z from "zod/mini";
import type { HeaderName } from "./headers.ts";
import type { ApiProblem } from "./problems.ts";
import type { Tag } from "./tags.ts";

/** A body of one media type. */
export interface Content {
  readonly type: string;
  /** Null: any text, or a file. */
  readonly schema: z.ZodMiniType | null;
  /** Real ones, by name; at least one. */
  readonly examples: Readonly<Record<string, unknown>>;
}

/** An answer that is no problem. */
export interface Answer {
  readonly status: 101 | 200 | 201 | 204 | 304 | 503;
  readonly description: string;
  readonly contents?: readonly Content[];
  readonly headers?: readonly HeaderName[];
}

export interface Notes {
  readonly tag: Tag;
  /** The endpoint in a line. */
  readonly summary: string;
  /** What the summary leaves open. */
  readonly description: string;
  /**
   * The body as clients should write it, with examples. Its schema may be narrower than the contract's, where the handler reads
   * on by itself.
   */
  readonly request?: readonly Content[];
  /** The first is the usual one. */
  readonly answers: readonly [Answer, ...Answer[]];
  /** Problems beyond those that follow from the contract (see {@link problemsOf}). */
  readonly problems?: readonly ApiProblem[];
}

/** A JSON body; the examples are typed by its schema. */
export function json<T>(schema: z.ZodMiniType<T>, examples: Readonly<Record<string, T>>): Content {
  return { type: "application/json", schema, examples };
}

/** A body that is text of some format. */
export function text(type: string, example: string): Content {
  return { type, schema: null, examples: { example } };
}

/** The form in which openapi/resources/ documents an endpoint: its texts, its responses, and examples of bodies. */
import type * as z from "zod/mini";
import type { ProblemKind } from "../src/edge/problem.ts";
import type { FieldDescriptions } from "./annotations.ts";
import type { HeaderName } from "./headers.ts";
import type { Tag } from "./tags.ts";

/** The problems of the API. The others are the gateway's, and `internal_error` is a bug. */
export type ApiProblem = Exclude<ProblemKind, "internal_error" | "upstream_error" | "upstream_timeout">;

/** A body of one media type. */
export interface Content {
  readonly type: string;
  /** Null: any text, or a file. */
  readonly schema: z.ZodMiniType | null;
  /** By name; at least one. Tests check them against the schema. */
  readonly examples: Readonly<Record<string, unknown>>;
}

/** The JSON body of a request. Its schema is the contract's. */
export interface BodyNotes {
  /** Exactly the fields of the contract's schema. Omitted if they are described with the schema. */
  readonly fields?: FieldDescriptions;
  /** What clients should send, if the contract's schema accepts more: then the handler checks further. */
  readonly schema?: z.ZodMiniType;
  /** By name; at least one. */
  readonly examples: Readonly<Record<string, unknown>>;
  /** Bodies of other media types that the handler reads. */
  readonly others?: readonly Content[];
}

/** A response other than a problem. */
export interface ResponseNotes {
  readonly status: 101 | 200 | 201 | 204 | 303 | 304 | 503;
  readonly description: string;
  readonly contents?: readonly Content[];
  readonly headers?: readonly HeaderName[];
}

/** The problems of a customer's calls to the portal, and of signing in there, whose access is `none`. */
export const CUSTOMER_PROBLEMS: readonly ApiProblem[] = [
  "invalid_credentials",
  "forbidden",
  "not_found",
  "quota_exceeded",
  "flood",
  "overloaded",
  "temporary_reduced_capacity",
];

export interface OperationNotes {
  readonly tag: Tag;
  /** One line. */
  readonly summary: string;
  /** What the summary leaves open. */
  readonly description: string;
  /** Exactly the parameters of the contract's query. */
  readonly query?: FieldDescriptions;
  readonly body?: BodyNotes;
  /** The usual one first. */
  readonly responses: readonly [ResponseNotes, ...ResponseNotes[]];
  /** Problems beyond those that follow from the contract (problems.ts). */
  readonly problems?: readonly ApiProblem[];
}

/** A JSON body; the examples are typed by its schema. */
export function json<T>(schema: z.ZodMiniType<T>, examples: Readonly<Record<string, T>>): Content {
  return { type: "application/json", schema, examples };
}

/** A body of another media type. */
export function text(type: string, example: string): Content {
  return { type, schema: null, examples: { example } };
}

/** The usual 200 or 201 response: one JSON body. */
export function answer<T>(
  status: 200 | 201,
  description: string,
  schema: z.ZodMiniType<T>,
  examples: Readonly<Record<string, T>>,
): ResponseNotes {
  return { status, description, contents: [json(schema, examples)] };
}

/** Descriptions of fields that several requests share. */
export const REASON = "Why the change is made, for the audit trail.";
export const DISPLAY_NAME = "For people.";
export const CURSOR = "The cursor of the previous page.";
export const PAGE = { limit: "Entries per page. Default: 50.", cursor: CURSOR };
export const RANGE_START = "A time, or a date for its first moment.";

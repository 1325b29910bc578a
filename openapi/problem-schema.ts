/** The body of every error, as the gateway and the API write it. */
import * as z from "zod/mini";
import { about, named } from "./annotations.ts";

export const faultSchema = named(
  "Fault",
  "What is wrong with an input, and where.",
  z.strictObject({
    path: about("JSON Pointer (RFC 6901) to the invalid value; empty for the whole input.", z.string()),
    message: z.string(),
  }),
);
export const faultsSchema = z.array(faultSchema);

export const problemSchema = named(
  "Problem",
  "Every error, by RFC 9457. Branch on `status` and `code`; `title` and `detail` are for people.",
  z.strictObject({
    type: about(
      "`about:blank`, or a type from IANA's registry of problem types.",
      z.enum([
        "about:blank",
        "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "https://iana.org/assignments/http-problem-types#abnormal-usage-detected",
        "https://iana.org/assignments/http-problem-types#temporary-reduced-capacity",
      ]),
    ),
    title: z.string(),
    status: about("The response's status.", z.int().check(z.gte(400), z.lte(599))),
    detail: about("A sentence for the client's developer.", z.string()),
    code: about("The kind of error, for programs.", z.string().check(z.regex(/^[a-z_]+$/))),
    requestId: about("The request's id in the logs.", z.uuid()),
    errors: z.optional(faultsSchema),
    "violated-policies": z.optional(
      about("Names of the limits that denied the request.", z.array(z.string())),
    ),
  }),
);
export type ProblemResponse = z.infer<typeof problemSchema>;

/**
 * Reads a request's JSON body up to a size limit and parses it with a schema. Must never buffer more than the limit, and
 * never throw because of a client's input: errors are returned as faults.
 */
import * as z from "zod/mini";
import { type Fault, type FieldError, jsonPointer } from "./problem.ts";

/**
 * 64 KiB: a batch of a hundred items with about a dozen traits each. A larger limit allows more CPU time per request.
 */
export const MAX_BODY_BYTES = 65_536;

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly fault: Fault };

/**
 * The parsed body, or the fault: unreadable (400), too large (413), rejected by the schema (422). Ignores the media type.
 */
export async function jsonBody<T>(request: Request, schema: z.ZodMiniType<T>): Promise<Parsed<T>> {
  const bytes = await boundedBytes(request);
  if (bytes === null) return { ok: false, fault: { kind: "too-large", limitBytes: MAX_BODY_BYTES } };

  const json = decodeJson(bytes);
  if (json === null) {
    return {
      ok: false,
      fault: { kind: "malformed", errors: [{ path: "", message: "must be JSON in UTF-8" }] },
    };
  }

  const result = z.safeParse(schema, json.value);
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, fault: { kind: "invalid", errors: fieldErrors(result.error) } };
}

/** The errors that a schema found, with their paths. @param under path of the parsed value in the body. */
export function fieldErrors(error: z.core.$ZodError, under: readonly PropertyKey[] = []): FieldError[] {
  return error.issues.map(({ path, message }) => ({ path: jsonPointer([...under, ...path]), message }));
}

/** The body's bytes, or null as soon as they exceed the limit. */
async function boundedBytes(request: Request): Promise<Uint8Array | null> {
  if (Number(request.headers.get("Content-Length")) > MAX_BODY_BYTES) return null;

  const chunks: Uint8Array[] = [];
  let size = 0;
  const reader = request.body?.getReader();
  for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
    size += read.value.byteLength;
    if (size > MAX_BODY_BYTES) {
      await reader?.cancel();
      return null;
    }
    chunks.push(read.value);
  }

  const whole = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.byteLength;
  }
  return whole;
}

/** The value in a wrapper, because `null` is valid JSON. */
function decodeJson(bytes: Uint8Array): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(bytes)) };
  } catch {
    return null;
  }
}

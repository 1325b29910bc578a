/** Reads a JSON body by a schema, or says as a problem what is wrong with it: 413, 400 (not JSON) or 422 (not the schema). */
import type { Context } from "hono";
import type * as z from "zod/mini";
import type { AppEnv } from "../edge/app-env.ts";
import { problem } from "../edge/problem.ts";
import { parseJson } from "../json.ts";
import { type Fault, MAX_FAULTS, parseBy, pointer } from "../policy/fault.ts";

/** Enough for a batch of 1,000 operations of 1 KB. */
export const MAX_BODY_BYTES = 1_048_576;

export type Body<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly response: Response };

/** @param admit called with the number of characters before they are parsed; a response that it returns rejects them. */
export async function readBody<T>(
  c: Context<AppEnv>,
  schema: z.ZodMiniType<T>,
  admit?: (characters: number) => Promise<Response | null>,
): Promise<Body<T>> {
  const { requestId } = c.var;
  const text = await readText(c.req.raw);
  if (text === null) {
    const message = `is larger than ${MAX_BODY_BYTES} bytes`;
    return refused("too_large", `The body ${message}.`, requestId, [{ path: "", message }]);
  }
  const refusal = (await admit?.(text.length)) ?? null;
  if (refusal) return { ok: false, response: refusal };
  const json = parseJson(text);
  if (json === undefined) {
    return refused("invalid_request", "The body is not JSON.", requestId, [
      { path: "", message: "is not JSON" },
    ]);
  }
  const dropped = droppedFields(json, text);
  if (dropped.length > 0) return invalidContent(requestId, dropped);
  const parsed = parseBy(schema, json);
  if (parsed.ok) return parsed;
  return invalidContent(requestId, parsed.faults);
}

/** Fields called `__proto__`: schemas leave them out of what they parse, so they would be accepted and lost. */
function droppedFields(json: unknown, text: string): Fault[] {
  // Few bodies have the name anywhere, however it is spelt: the others are not searched.
  if (!/__proto__|\\u00[567]/i.test(text)) return [];
  const faults: Fault[] = [];
  const open: { value: unknown; path: string }[] = [{ value: json, path: "" }];
  for (let next = open.pop(); next && faults.length < MAX_FAULTS; next = open.pop()) {
    if (typeof next.value !== "object" || next.value === null) continue;
    for (const [key, value] of Object.entries(next.value)) {
      const path = `${next.path}${pointer([key])}`;
      if (key === "__proto__") faults.push({ path, message: "is not a known field" });
      else open.push({ value, path });
    }
  }
  return faults;
}

/** 422: what was sent is JSON, but not what is wanted. */
export function invalidContent(
  requestId: string,
  faults: readonly Fault[],
): { ok: false; response: Response } {
  const where = faults.length === 1 ? "one place" : `${faults.length} places`;
  return refused("invalid_content", `The body is not valid in ${where}; see errors.`, requestId, faults);
}

function refused(
  kind: "too_large" | "invalid_request" | "invalid_content",
  detail: string,
  requestId: string,
  errors: readonly Fault[],
): { ok: false; response: Response } {
  return { ok: false, response: problem(kind, detail, requestId, { errors }) };
}

/** The body as text, or null where it is too large: read no further than the bound, whatever Content-Length says. */
async function readText(request: Request): Promise<string | null> {
  if (Number(request.headers.get("Content-Length") ?? 0) > MAX_BODY_BYTES) return null;
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of request.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

/** Reads a JSON body by a schema. A body that is too large is 413, one that is not JSON is 400, and one that does not match is 422. */
import type { Context } from "hono";
import type * as z from "zod/mini";
import type { AppEnv } from "../edge/app-env.ts";
import { problem } from "../edge/problem.ts";
import { parseJson } from "../json.ts";
import { messageOf } from "../log.ts";
import { type Fault, MAX_FAULTS, parseBy, pointer } from "../policy/fault.ts";

/** Enough for a batch of 1,000 operations of 1 KB. */
export const MAX_BODY_BYTES = 1_048_576;

export type Body<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly response: Response };

/** @param admit called with the number of characters before they are parsed; if it returns a response, the body is rejected with it. */
export async function readBody<T>(
  c: Context<AppEnv>,
  schema: z.ZodMiniType<T>,
  admit?: (characters: number) => Promise<Response | null>,
): Promise<Body<T>> {
  const { requestId } = c.var;
  let text: string | null;
  try {
    text = await readText(c.req.raw);
  } catch (thrown) {
    return { ok: false, response: brokenOff(c, thrown) };
  }
  if (text === null) {
    const message = `is larger than ${MAX_BODY_BYTES} bytes`;
    return rejected("too_large", `The body ${message}.`, requestId, [{ path: "", message }]);
  }
  const rejection = (await admit?.(text.length)) ?? null;
  if (rejection) return { ok: false, response: rejection };
  if (text === "") {
    // Calls that require no field need not send "{}".
    const none = parseBy(schema, {});
    return none.ok ? none : malformed(requestId, "is empty");
  }
  const json = parseJson(text);
  if (json === undefined) return malformed(requestId, "is not JSON");
  const dropped = droppedFields(json, text);
  if (dropped.length > 0) return invalidContent(requestId, dropped);
  const parsed = parseBy(schema, json);
  if (parsed.ok) return parsed;
  return invalidContent(requestId, parsed.faults);
}

function malformed<T>(requestId: string, message: string): Body<T> {
  return rejected("invalid_request", `The body ${message}.`, requestId, [{ path: "", message }]);
}

/** The body ended before its length, because the client has left. So no one reads the response. */
export function brokenOff(c: Context<AppEnv>, thrown: unknown): Response {
  const { services, requestId } = c.var;
  services.log("debug", "client_left", { requestId, error: messageOf(thrown) });
  return problem("invalid_request", "The body is incomplete: the connection was closed.", requestId);
}

/** Fields named `__proto__`: schemas drop them from what they parse, so they would be accepted and lost. */
function droppedFields(json: unknown, text: string): Fault[] {
  // Few bodies contain the name, in any spelling. The others need no search.
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

/** 422: the body is JSON, but does not match the schema or the policy. */
export function invalidContent(
  requestId: string,
  faults: readonly Fault[],
): { ok: false; response: Response } {
  const count = faults.length === 1 ? "1 fault" : `${faults.length} faults`;
  return rejected("invalid_content", `The body has ${count}; see errors.`, requestId, faults);
}

function rejected(
  kind: "too_large" | "invalid_request" | "invalid_content",
  detail: string,
  requestId: string,
  errors: readonly Fault[],
): { ok: false; response: Response } {
  return { ok: false, response: problem(kind, detail, requestId, { errors }) };
}

/** The body as text, or null if it is too large. Never reads beyond the bound, whatever Content-Length says. */
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

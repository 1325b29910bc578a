/**
 * Serves static assets that the build made, with a content security policy that blocks all other hosts. Callers choose the path: it is
 * never the path that the client sent.
 */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";

/** Scripts, styles and requests of this host only. Style sheets contain images as data: URLs. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** A file name as builds produce it: cannot point to another directory. */
export const FILE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** An asset with its ETag; 304 if the client has it. */
export async function asset(
  c: Context<AppEnv>,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const condition = c.req.header("If-None-Match");
  const conditions = condition === undefined ? {} : { "If-None-Match": condition };
  const found = await c.env.ASSETS.fetch(new URL(path, c.req.url), {
    method: c.req.method,
    headers: conditions,
  });
  if (found.status !== 200 && found.status !== 304) return noAsset(c);
  const response = new Response(found.body, found);
  response.headers.set("Content-Security-Policy", CONTENT_SECURITY_POLICY);
  response.headers.set("Referrer-Policy", "no-referrer");
  for (const [name, value] of Object.entries(headers)) response.headers.set(name, value);
  return response;
}

export function noAsset(c: Context<AppEnv>): Response {
  return problem("not_found", "There is nothing at this path.", c.var.requestId);
}

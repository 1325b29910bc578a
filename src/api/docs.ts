/** The OpenAPI document, and the page at /docs that shows it: static assets, served under a policy that lets nothing else in. */
import type { Context } from "hono";
import type { AppEnv } from "../gateway/app-env.ts";
import { problem } from "../gateway/problem.ts";

/** Scripts, styles and requests of this host only; images also as data, which the page's style sheet has. */
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

export async function openapi(c: Context<AppEnv>): Promise<Response> {
  return asset(c, "/openapi.json");
}

export async function docs(c: Context<AppEnv>): Promise<Response> {
  return asset(c, "/docs.html");
}

export async function docsFile(c: Context<AppEnv>): Promise<Response> {
  const name = c.req.param("file") ?? "";
  if (!/^[A-Za-z0-9][A-Za-z0-9.-]{0,63}$/.test(name)) return nothing(c);
  return asset(c, `/docs/${name}`);
}

/** An asset with its ETag; 304 where the client has it. */
async function asset(c: Context<AppEnv>, path: string): Promise<Response> {
  const condition = c.req.header("If-None-Match");
  const headers = condition === undefined ? {} : { "If-None-Match": condition };
  const found = await c.env.ASSETS.fetch(new URL(path, c.req.url), { method: c.req.method, headers });
  if (found.status !== 200 && found.status !== 304) return nothing(c);
  const response = new Response(found.body, found);
  response.headers.set("Content-Security-Policy", CONTENT_SECURITY_POLICY);
  response.headers.set("Referrer-Policy", "no-referrer");
  response.headers.set("X-Content-Type-Options", "nosniff");
  return response;
}

function nothing(c: Context<AppEnv>): Response {
  return problem("not_found", "There is nothing at this path.", c.var.requestId);
}

/** The OpenAPI document, and the page at /docs that shows it. */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import type { Endpoints } from "../endpoint.ts";
import { asset, FILE_NAME, noAsset } from "./asset.ts";

export const DOCUMENTATION = {
  openapi: { method: "GET", path: "/api/v1/openapi.json", access: "none", handler: openapi },
  docs: { method: "GET", path: "/docs", access: "none", handler: docs },
  docsFile: { method: "GET", path: "/docs/:file", access: "none", handler: docsFile },
} as const satisfies Endpoints;

async function openapi(c: Context<AppEnv>): Promise<Response> {
  return asset(c, "/openapi.json");
}

async function docs(c: Context<AppEnv>): Promise<Response> {
  return asset(c, "/docs.html");
}

async function docsFile(c: Context<AppEnv>): Promise<Response> {
  const name = c.req.param("file") ?? "";
  return FILE_NAME.test(name) ? asset(c, `/docs/${name}`) : noAsset(c);
}

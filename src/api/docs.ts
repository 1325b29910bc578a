/** The OpenAPI document, and the page at /docs that shows it. */
import type { Context } from "hono";
import type { AppEnv } from "../edge/app-env.ts";
import { asset, FILE_NAME, noAsset } from "./asset.ts";

export async function openapi(c: Context<AppEnv>): Promise<Response> {
  return asset(c, "/openapi.json");
}

export async function docs(c: Context<AppEnv>): Promise<Response> {
  return asset(c, "/docs.html");
}

export async function docsFile(c: Context<AppEnv>): Promise<Response> {
  const name = c.req.param("file") ?? "";
  return FILE_NAME.test(name) ? asset(c, `/docs/${name}`) : noAsset(c);
}

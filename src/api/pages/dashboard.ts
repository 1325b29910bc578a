/**
 * The dashboard's page and its files. The page is the same for everyone and contains no data, so it needs no session: its calls to the
 * admin API do. No site may frame it or keep a reference to its window.
 */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import type { Endpoints } from "../endpoint.ts";
import { asset, FILE_NAME, noAsset } from "./asset.ts";

const PAGE = {
  // Revalidated each time: it names the current files.
  "Cache-Control": "no-cache",
  "X-Frame-Options": "DENY",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};
const FILE = { "Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "same-origin" };
const HASHED_FILE = { ...FILE, "Cache-Control": "public, max-age=31536000, immutable" };
/** As Vite names files: a file with another content has another name. */
const HASHED = /-[A-Za-z0-9_-]{8}\.[a-z]+$/;

/** A screen as the page's URLs name it. The page knows which screens exist. */
const SCREEN = /^[a-z][a-z-]{0,31}$/;

export const DASHBOARD = {
  dashboard: { method: "GET", path: "/dashboard", access: "none", handler: dashboard },
  dashboardHome: { method: "GET", path: "/dashboard/", access: "none", handler: dashboard },
  dashboardScreen: { method: "GET", path: "/dashboard/:screen", access: "none", handler: dashboardScreen },
  dashboardFile: { method: "GET", path: "/dashboard/assets/:asset", access: "none", handler: dashboardFile },
} as const satisfies Endpoints;

async function dashboard(c: Context<AppEnv>): Promise<Response> {
  return asset(c, "/dashboard/index.html", PAGE);
}

/** The same page, which reads its URL. */
async function dashboardScreen(c: Context<AppEnv>): Promise<Response> {
  return SCREEN.test(c.req.param("screen") ?? "") ? dashboard(c) : noAsset(c);
}

async function dashboardFile(c: Context<AppEnv>): Promise<Response> {
  const name = c.req.param("asset") ?? "";
  if (!FILE_NAME.test(name)) return noAsset(c);
  return asset(c, `/dashboard/assets/${name}`, HASHED.test(name) ? HASHED_FILE : FILE);
}

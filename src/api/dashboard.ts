/**
 * The dashboard's page and what it is made of. The page is the same for everybody and shows nothing by itself: it needs no
 * session, its calls of the admin API do. No site may frame it or hold on to its window.
 */
import type { Context } from "hono";
import type { AppEnv } from "../edge/app-env.ts";
import { asset, FILE_NAME, noAsset } from "./asset.ts";

const PAGE = {
  // Asked for again each time: it names the files that are current.
  "Cache-Control": "no-cache",
  "X-Frame-Options": "DENY",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
};
const FILE = { "Cache-Control": "no-cache", "Cross-Origin-Resource-Policy": "same-origin" };
const HASHED_FILE = { ...FILE, "Cache-Control": "public, max-age=31536000, immutable" };
/** As Vite names files: what changes is another file. */
const HASHED = /-[A-Za-z0-9_-]{8}\.[a-z]+$/;

/** A screen as the page's URLs name it; which there are, the page knows. */
const SCREEN = /^[a-z][a-z-]{0,31}$/;

/** `/dashboard`, `/dashboard/`. */
export async function dashboard(c: Context<AppEnv>): Promise<Response> {
  return asset(c, "/dashboard/index.html", PAGE);
}

/** `/dashboard/<screen>`: the same page, which reads its URL. */
export async function dashboardScreen(c: Context<AppEnv>): Promise<Response> {
  return SCREEN.test(c.req.param("screen") ?? "") ? dashboard(c) : noAsset(c);
}

/** `/dashboard/assets/<file>`. */
export async function dashboardFile(c: Context<AppEnv>): Promise<Response> {
  const name = c.req.param("asset") ?? "";
  if (!FILE_NAME.test(name)) return noAsset(c);
  return asset(c, `/dashboard/assets/${name}`, HASHED.test(name) ? HASHED_FILE : FILE);
}

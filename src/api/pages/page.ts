/** A page of one file, its screens and its assets, as a build made them. No site may frame it or keep a reference to its window. */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
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

type Handler = (c: Context<AppEnv>) => Promise<Response>;

/** Handlers of a page below this path: the page itself, the same page at a `:screen`, which reads its URL, and an `:asset`. */
export function pageAt(path: string): Readonly<Record<"page" | "screen" | "file", Handler>> {
  const page: Handler = async (c) => asset(c, `${path}/index.html`, PAGE);
  return {
    page,
    screen: async (c) => (SCREEN.test(c.req.param("screen") ?? "") ? page(c) : noAsset(c)),
    file: async (c) => {
      const name = c.req.param("asset") ?? "";
      if (!FILE_NAME.test(name)) return noAsset(c);
      return asset(c, `${path}/assets/${name}`, HASHED.test(name) ? HASHED_FILE : FILE);
    },
  };
}

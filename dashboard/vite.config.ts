/** Builds the dashboard into the Worker's static assets: hashed files of our own, which a strict CSP allows. */
import { join } from "node:path";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "/dashboard/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: join(import.meta.dirname, "..", "dist", "assets", "dashboard"),
    emptyOutDir: true,
    target: "es2022",
    // A data: URL is not of this host.
    assetsInlineLimit: 0,
    modulePreload: false,
  },
});

/** Builds the dashboard into the Worker's static assets: hashed files from the same origin, as its strict CSP demands. */
import { join } from "node:path";
import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  base: "/dashboard/",
  // The calls of the classic runtime are shorter than those of the automatic one: together, 1 KB gzip.
  oxc: {
    jsx: { runtime: "classic", pragma: "createElement", pragmaFrag: "Fragment" },
    jsxInject: `import { createElement, Fragment } from "preact";`,
  },
  build: {
    outDir: join(import.meta.dirname, "..", "dist", "assets", "dashboard"),
    emptyOutDir: true,
    target: "es2022",
    // The CSP rejects data: URLs.
    assetsInlineLimit: 0,
    modulePreload: false,
    // One file for all screens compresses to three quarters of one per screen, and needs no code that loads the others.
    cssCodeSplit: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // With its own budget: only the policy screen loads it.
            {
              name: "codemirror",
              priority: 1,
              test: /node_modules\/(@codemirror|@lezer|@marijn|crelt|style-mod|w3c-keyname)\//,
            },
            // What two screens share is in one file: many small ones compress worse, by a tenth of the whole page.
            { name: "shared", minShareCount: 2 },
          ],
        },
      },
    },
  },
});

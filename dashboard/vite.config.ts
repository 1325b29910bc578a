/** Builds the dashboard into the Worker's static assets: hashed files from the same origin, as its strict CSP demands. */
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
    // The CSP rejects data: URLs.
    assetsInlineLimit: 0,
    modulePreload: false,
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

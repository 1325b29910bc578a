/** Builds the dashboard into the Worker's static assets: hashed files from the same origin, as its strict CSP demands. */
import { join } from "node:path";
import { defineConfig } from "vite";
import { shortNames } from "./short-names.ts";

/** Vite's helper loads the style sheets of a chunk before its code. There is one style sheet, so it would do nothing, in 1 KB gzip. */
const withoutPreload = {
  name: "without-preload",
  enforce: "pre",
  load: {
    filter: { id: /^\0vite\/preload-helper/ },
    handler: () => "export const __vitePreload = (load) => load();",
  },
} as const;

/** The parts that all screens use, and those that the screen of a user and the billing screens share. */
const FIRST =
  /\/src\/(kit\/|shell\/|charts\/|(main|user\/(user-actions|account-api)|billing\/invoice-(api|table))\.tsx?$)/;

export default defineConfig({
  root: import.meta.dirname,
  base: "/dashboard/",
  // The calls of the classic runtime are shorter than those of the automatic one: together, 1 KB gzip.
  oxc: {
    jsx: { runtime: "classic", pragma: "createElement", pragmaFrag: "Fragment" },
    jsxInject: `import { createElement, Fragment } from "preact";`,
  },
  plugins: [shortNames, withoutPreload],
  build: {
    outDir: join(import.meta.dirname, "..", "dist", "assets", "dashboard"),
    emptyOutDir: true,
    target: "es2022",
    // The first browsers with light-dark(), in 2024: what stands in for it costs 0.3 KB gzip.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    // The CSP rejects data: URLs.
    assetsInlineLimit: 0,
    modulePreload: false,
    // One file for all screens compresses to three quarters of one per screen, and needs no code that loads the others.
    cssCodeSplit: false,
    rolldownOptions: {
      // Also numbers and texts that are used several times: they compress better than the names that they are imported by.
      optimization: { inlineConst: { mode: "all", pass: 3 } },
      treeshake: { propertyReadSideEffects: false },
      output: {
        codeSplitting: {
          groups: [
            // With its own budget: only the policy screen loads it.
            {
              name: "codemirror",
              priority: 1,
              test: /node_modules\/(@codemirror|@lezer|@marijn|crelt|style-mod|w3c-keyname)\//,
            },
            // With the overview, which most visits begin with, and with what the other files share: few files compress better.
            { name: "app", test: FIRST },
          ],
        },
      },
    },
  },
});

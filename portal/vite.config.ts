/** Builds the portal into the Worker's static assets, with the dashboard's configuration: one script, one style sheet. */
import { join } from "node:path";
import { defineConfig, mergeConfig } from "vite";
import dashboard from "../dashboard/vite.config.ts";
import { onlyIcons } from "./icons.ts";

export default mergeConfig(
  dashboard,
  defineConfig({
    root: import.meta.dirname,
    base: "/portal/",
    plugins: [onlyIcons],
    publicDir: join(import.meta.dirname, "..", "dashboard", "public"),
    build: {
      outDir: join(import.meta.dirname, "..", "dist", "assets", "portal"),
      rolldownOptions: { output: { codeSplitting: false } },
    },
  }),
);

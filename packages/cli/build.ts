/** Bundles the program with what it takes from the Worker's source, for `npm pack`: one file without dependencies. */
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { build } from "esbuild";

const outfile = join(import.meta.dirname, "dist", "main.js");
await build({
  entryPoints: [join(import.meta.dirname, "src", "main.ts")],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node20",
  minify: true,
  legalComments: "inline",
});
await chmod(outfile, 0o644);

/** What the client package ships: no dependencies, and little. That it installs and compiles elsewhere: test/packages. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, it } from "vitest";

const PACKAGE = join(import.meta.dirname, "..", "..", "packages", "client");
/** Of what an app imports: the client with one store, or a part that needs no client. */
const MAX_BYTES = 5 * 1024;

async function manifest(): Promise<object> {
  return JSON.parse(await readFile(join(PACKAGE, "package.json"), "utf8"));
}

it.each([["index", "express"], ["index", "hono"], ["index", "upstash"], ["limit"], ["fetch"]])(
  "%s %s is at most 5 KB gzip",
  async (...entries) => {
    const contents = entries.map((entry, n) => `export * as e${n} from "./src/${entry}.ts";`).join("\n");
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: PACKAGE },
      bundle: true,
      minify: true,
      format: "esm",
      target: "es2022",
      write: false,
    });
    const { byteLength } = gzipSync(outputFiles[0]?.contents ?? "", { level: 9 });
    expect(byteLength).toBeGreaterThan(500);
    expect(byteLength).toBeLessThanOrEqual(MAX_BYTES);
  },
);

it("has no dependencies: only types of hono are imported", async () => {
  expect(await manifest()).not.toHaveProperty("dependencies");
  for (const file of await readdir(join(PACKAGE, "src"))) {
    const source = await readFile(join(PACKAGE, "src", file), "utf8");
    const imported = [...source.matchAll(/^(?:import|export)\b(.*?)\bfrom "([^"]+)"/gms)];
    for (const [, names = "", from = ""] of imported) {
      if (!from.startsWith("./")) expect([from, names.trim().startsWith("type ")]).toEqual(["hono", true]);
    }
  }
});

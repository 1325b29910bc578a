/** Builds the modules that let a local product stand still after a step of a close: STOP_AFTER of `npm start`, for tests. */
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { build } from "esbuild";
import type { Stop } from "./closing-steps.ts";

/**
 * Wraps the Worker at `entry` (stopping-worker.ts).
 * @param objects names of its exported object classes.
 * @returns the paths of the modules, the new entry first.
 */
export async function stoppableModules(
  entry: string,
  root: string,
  objects: readonly string[],
  stop: Stop,
): Promise<string[]> {
  const directory = join(root, "stops");
  await mkdir(directory, { recursive: true });
  const [wrapper, stops] = [join(directory, "entry.mjs"), join(directory, "stops.mjs")];
  const inner = JSON.stringify(relative(directory, entry).replaceAll("\\", "/"));
  await build({
    entryPoints: [join(import.meta.dirname, "stopping-worker.ts")],
    outfile: stops,
    bundle: true,
    format: "esm",
    target: "es2024",
    logLevel: "silent",
  });
  const lines = [
    `import { stopAfter, stoppingHandler, stoppingObject } from "./stops.mjs";`,
    `import * as inner from ${inner};`,
    `export * from ${inner};`,
    `stopAfter(${JSON.stringify(stop)});`,
    `export default stoppingHandler(inner.default);`,
    ...objects.map((name) => `export const ${name} = stoppingObject("${name}", inner.${name});`),
    "",
  ];
  await writeFile(wrapper, lines.join("\n"));
  return [wrapper, stops];
}

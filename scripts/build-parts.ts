/**
 * Builds what the Worker's bundle needs beside it: the assets and the modules. `wrangler dev` and `wrangler deploy` run it ([build] in
 * wrangler.toml), as do `npm start` and tests. It may run concurrently.
 */
import { buildAssets } from "./build-assets.ts";
import { buildModules } from "./build-modules.ts";

/** @throws with the compiler's output if something does not build. */
export async function buildParts(): Promise<void> {
  await Promise.all([buildAssets(), buildModules()]);
}

/** The command of [build]: {@link buildParts}, with exit code 1 and the reason on stderr if it fails. */
export async function run(): Promise<void> {
  await buildParts().catch((thrown: unknown) => {
    console.error(thrown instanceof Error ? thrown.message : thrown);
    process.exitCode = 1;
  });
}

if (import.meta.main) await run();

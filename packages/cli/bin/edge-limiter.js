#!/usr/bin/env node
// Checked in, so that npm can link it in a clone, where nothing is built: there it runs the source, which needs a Node that reads
// TypeScript. The package has the built program alone.
import { existsSync } from "node:fs";

const source = new URL("../src/main.ts", import.meta.url);
const built = new URL("../dist/main.js", import.meta.url);
const readsTypes = Boolean(process.features.typescript);
if (existsSync(source) && readsTypes) await import(source.href);
else if (existsSync(built)) await import(built.href);
else {
  console.error(
    "Node 22.18 or newer is needed to run this from a clone; or build it: npm pack -w packages/cli",
  );
  process.exitCode = 1;
}

/** P7: how large the Worker is, and what its start takes. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { productBundle } from "./rig-workers.ts";
import { type Spread, spreadOf } from "./ratios.ts";

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
const WRANGLER = join(ROOT, "node_modules", "wrangler", "bin", "wrangler.js");

export interface Size {
  readonly gzipKb: number;
  /** Processor time until the Worker is ready, as wrangler's profile says. */
  readonly startMs: Spread;
  /** The same of the bare Hono Worker. */
  readonly bareStartMs: Spread;
}

/** The bundle as it is uploaded, compressed as Cloudflare counts it: KiB. */
export async function gzipKbOf(bundle: string): Promise<number> {
  return gzipSync(await readFile(bundle)).length / 1_024;
}

/** @param directory for the profiles. */
export async function measureSize(rounds: number, directory: string): Promise<Size> {
  const starts: number[] = [];
  const bareStarts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    starts.push(await startMs("wrangler.toml", directory));
    bareStarts.push(await startMs(join("bench", "workers", "bare", "wrangler.toml"), directory));
  }
  return {
    gzipKb: await gzipKbOf(await productBundle()),
    startMs: spreadOf(starts),
    bareStartMs: spreadOf(bareStarts),
  };
}

/** Of the bundle that is handed over: told of a `--config` alone, `check startup` builds and profiles wrangler.toml's Worker. */
async function startMs(config: string, directory: string): Promise<number> {
  const worker = join(directory, "start.bundle");
  await wrangler("deploy", "--dry-run", "--config", config, "--outfile", worker);
  const profile = join(directory, "start.cpuprofile");
  const stdout = await wrangler("check", "startup", "--worker", worker, "--outfile", profile);
  const active = /Active: ([\d.]+) ms/.exec(stdout)?.[1];
  if (active === undefined) throw new Error(`wrangler check startup tells no time:\n${stdout}`);
  return Number(active);
}

async function wrangler(...command: string[]): Promise<string> {
  return (await run(process.execPath, [WRANGLER, ...command], { cwd: ROOT })).stdout;
}

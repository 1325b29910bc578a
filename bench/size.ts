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

/** @param directory for what is uploaded and the profiles. */
export async function measureSize(rounds: number, directory: string): Promise<Size> {
  const ours = await uploadOf("wrangler.toml", join(directory, "ours.bundle"));
  const bare = await uploadOf(
    join("bench", "workers", "bare", "wrangler.toml"),
    join(directory, "bare.bundle"),
  );
  const starts: number[] = [];
  const bareStarts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    starts.push(await startMs(ours, directory));
    bareStarts.push(await startMs(bare, directory));
  }
  return {
    gzipKb: await gzipKbOf(await productBundle()),
    startMs: spreadOf(starts),
    bareStartMs: spreadOf(bareStarts),
  };
}

/** What would be uploaded, in a file. */
async function uploadOf(config: string, file: string): Promise<string> {
  await wrangler("deploy", "--dry-run", "--config", config, "--outfile", file);
  return file;
}

/** Of an upload: told of a `--config` alone, `check startup` builds and profiles wrangler.toml's Worker. */
async function startMs(worker: string, directory: string): Promise<number> {
  const profile = join(directory, "start.cpuprofile");
  const stdout = await wrangler("check", "startup", "--worker", worker, "--outfile", profile);
  const active = /Active: ([\d.]+) ms/.exec(stdout)?.[1];
  if (active === undefined) throw new Error(`wrangler check startup tells no time:\n${stdout}`);
  return Number(active);
}

async function wrangler(...command: string[]): Promise<string> {
  return (await run(process.execPath, [WRANGLER, ...command], { cwd: ROOT })).stdout;
}

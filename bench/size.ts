/** P7: the size of the Worker and the CPU time of its start. */
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
  /** CPU time until the Worker is ready, from wrangler's profile. */
  readonly startMs: Spread;
  /** The same for the bare Hono Worker. */
  readonly bareStartMs: Spread;
}

/** Compressed size of a bundle in KiB, as Cloudflare counts it. */
export async function gzipKbOf(bundle: string): Promise<number> {
  return gzipSync(await readFile(bundle)).length / 1_024;
}

/** @param directory for uploads and profiles. */
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

/** Writes what `wrangler deploy` would upload to a file. @returns the file. */
async function uploadOf(config: string, file: string): Promise<string> {
  await wrangler("deploy", "--dry-run", "--config", config, "--outfile", file);
  return file;
}

/** Takes an upload, since with only `--config`, `check startup` would profile the Worker of wrangler.toml. */
async function startMs(worker: string, directory: string): Promise<number> {
  const profile = join(directory, "start.cpuprofile");
  const stdout = await wrangler("check", "startup", "--worker", worker, "--outfile", profile);
  const active = /Active: ([\d.]+) ms/.exec(stdout)?.[1];
  if (active === undefined) throw new Error(`wrangler check startup printed no time:\n${stdout}`);
  return Number(active);
}

async function wrangler(...command: string[]): Promise<string> {
  return (await run(process.execPath, [WRANGLER, ...command], { cwd: ROOT })).stdout;
}

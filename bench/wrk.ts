/**
 * Generates load with wrk (Debian package `wrk`): one thread of C that uses a tenth of the CPU of workerd, so that on two cores the
 * server is the bottleneck. Each run is bounded by time.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A header with a different value in each request. */
  readonly users?: Users;
}

export interface Users {
  readonly header: string;
  readonly count: number;
  /** A file with a value per line. Default: addresses of 10.0.0.0/8. */
  readonly file?: string;
  /** Stops after this number of requests, even before the time is up, and skips the first `from` users. */
  readonly max?: { readonly requests: number; readonly from: number };
}

export interface LoadResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Responses other than 2xx and 3xx. */
  readonly rejected: number;
  /** Failed connections, reads and writes, and late responses. */
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const USERS_SCRIPT = join(import.meta.dirname, "users.lua");
const running = new Set<ChildProcess>();

/** @throws with instructions if wrk is not installed. */
export function assertWrk(): void {
  try {
    execFileSync("wrk", ["--version"], { stdio: ["ignore", "pipe", "pipe"] });
  } catch (thrown) {
    // wrk exits with 1 after printing its version.
    const isInstalled = thrown instanceof Error && "status" in thrown && thrown.status !== null;
    if (!isInstalled) {
      throw new Error("wrk, which generates the load, is not installed: apt-get install wrk", {
        cause: thrown,
      });
    }
  }
}

/** Runs a load to its end. @throws if wrk fails. */
export async function load({ url, connections, seconds, headers = {}, users }: Load): Promise<LoadResult> {
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "10s", "--latency"];
  for (const [name, value] of Object.entries(headers)) args.push("-H", `${name}: ${value}`);
  if (users) args.push("-s", USERS_SCRIPT);
  args.push(url);
  if (users) args.push("--", users.header, String(users.count), users.file ?? "");
  if (users?.max) args.push(String(users.max.requests), String(users.max.from));
  const wrk = spawn("wrk", args, { stdio: ["ignore", "pipe", "pipe"] });
  running.add(wrk);
  let output = "";
  wrk.stdout.on("data", (text) => (output += String(text)));
  wrk.stderr.on("data", (text) => (output += String(text)));
  const [code] = await once(wrk, "close");
  running.delete(wrk);
  if (code !== 0) throw new Error(`wrk ${args.join(" ")}\n${output}`);
  return readWrk(output);
}

/** Kills all running loads. */
export function stopLoads(): void {
  for (const wrk of running) wrk.kill("SIGKILL");
}

/** Parses wrk's output. @throws if the text is not wrk's output. */
export function readWrk(text: string): LoadResult {
  const number = (pattern: RegExp, otherwise: number | null = null): number => {
    const found = pattern.exec(text)?.[1];
    if (found === undefined && otherwise === null) throw new Error(`wrk printed no ${pattern}:\n${text}`);
    return found === undefined ? (otherwise ?? Number.NaN) : Number(found);
  };
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  return {
    requests: number(/(\d+) requests in/),
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    rejected: number(/Non-2xx or 3xx responses: (\d+)/, 0),
    errors: (errors?.slice(1) ?? []).reduce((sum, count) => sum + Number(count), 0),
    p50Ms: latency(text, 50),
    p99Ms: latency(text, 99),
  };
}

const UNIT_MS: Readonly<Record<string, number>> = { us: 0.001, ms: 1, s: 1_000, m: 60_000 };

function latency(text: string, percent: number): number {
  const [, value, unit] = new RegExp(`^\\s+${percent}%\\s+([\\d.]+)(us|ms|s|m)$`, "m").exec(text) ?? [];
  return Number(value) * (UNIT_MS[unit ?? ""] ?? Number.NaN);
}

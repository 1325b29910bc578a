/**
 * Load by wrk (Debian's package of that name): one thread of C that takes a tenth of what workerd takes, so that on two cores the
 * server is what is measured. Each run is bounded by time.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";

export interface Load {
  readonly url: string;
  readonly connections: number;
  readonly seconds: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A header whose value is another one with each request: `prefix` and a number below `count`, or the lines of a file. */
  readonly users?: Users;
}

export interface Users {
  readonly header: string;
  readonly count: number;
  /** A file with a value per line. Where left out the values are addresses of 10.0.0.0/8. */
  readonly file?: string;
  /** Ends after so many requests, however short that took, having begun after `from` of the users. */
  readonly most?: { readonly requests: number; readonly from: number };
}

export interface Measured {
  readonly requests: number;
  readonly perSecond: number;
  /** Answers other than 2xx and 3xx. */
  readonly refused: number;
  /** Connections that failed, reads and writes that failed, answers that came too late. */
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const USERS_SCRIPT = join(import.meta.dirname, "users.lua");
const running = new Set<ChildProcess>();

/** @throws with what to do where wrk is not installed. */
export function assertWrk(): void {
  try {
    execFileSync("wrk", ["--version"], { stdio: ["ignore", "pipe", "pipe"] });
  } catch (thrown) {
    // wrk ends with 1 when it tells its version.
    const isThere = thrown instanceof Error && "status" in thrown && thrown.status !== null;
    if (!isThere) throw new Error("wrk makes the load: apt-get install wrk", { cause: thrown });
  }
}

/** @throws where wrk ends with a fault. */
export async function load({ url, connections, seconds, headers = {}, users }: Load): Promise<Measured> {
  const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "10s", "--latency"];
  for (const [name, value] of Object.entries(headers)) args.push("-H", `${name}: ${value}`);
  if (users) args.push("-s", USERS_SCRIPT);
  args.push(url);
  if (users) args.push("--", users.header, String(users.count), users.file ?? "");
  if (users?.most) args.push(String(users.most.requests), String(users.most.from));
  const wrk = spawn("wrk", args, { stdio: ["ignore", "pipe", "pipe"] });
  running.add(wrk);
  let said = "";
  wrk.stdout.on("data", (text) => (said += String(text)));
  wrk.stderr.on("data", (text) => (said += String(text)));
  const [code] = await once(wrk, "close");
  running.delete(wrk);
  if (code !== 0) throw new Error(`wrk ${args.join(" ")}\n${said}`);
  return readWrk(said);
}

/** Ends all loads at once. */
export function stopLoads(): void {
  for (const wrk of running) wrk.kill("SIGKILL");
}

/** What wrk prints, as numbers. @throws where it is not what wrk prints. */
export function readWrk(text: string): Measured {
  const number = (pattern: RegExp, otherwise: number | null = null): number => {
    const found = pattern.exec(text)?.[1];
    if (found === undefined && otherwise === null) throw new Error(`wrk printed no ${pattern}:\n${text}`);
    return found === undefined ? (otherwise ?? Number.NaN) : Number(found);
  };
  const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(text);
  return {
    requests: number(/(\d+) requests in/),
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    refused: number(/Non-2xx or 3xx responses: (\d+)/, 0),
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

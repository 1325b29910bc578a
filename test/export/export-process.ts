/** Runs `npm run export:usage` as a process, as cron does; also one that is killed or interrupted in the middle. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { ADMIN_TOKEN } from "../blackbox/checkout.ts";
import { eventually } from "../blackbox/product.ts";

const SCRIPT = join(import.meta.dirname, "..", "..", "scripts", "export-usage.ts");
const RUN_MS = 60_000;

export interface Ran {
  /** The exit code, or the signal that ended it. */
  readonly code: number | string | null;
  readonly out: string;
  /** The standard error. */
  readonly notes: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ran>;
}

export type Environment = Readonly<Record<string, string>>;

export function startExport(args: readonly string[], environment: Environment = {}): Running {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, [SCRIPT, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { PATH, HOME, ADMIN_TOKEN, NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"], ...environment },
    timeout: RUN_MS,
    killSignal: "SIGKILL",
  });
  const output = { out: "", notes: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.notes += text));
  const ended = new Promise<Ran>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code: code ?? signal, ...output }));
  });
  return { child, ended };
}

export function runExport(args: readonly string[], environment: Environment = {}): Promise<Ran> {
  return startExport(args, environment).ended;
}

/** Sends the signal when the export is half way. @throws if it has ended before. */
export async function cutShort(
  { child, ended }: Running,
  signal: NodeJS.Signals,
  isHalfWay: () => boolean | Promise<boolean>,
): Promise<Ran> {
  await eventually(RUN_MS, "the export is half way", async () => {
    if (child.exitCode !== null || child.signalCode !== null) {
      const { code, notes } = await ended;
      throw new Error(`it has ended (${code}): ${notes}`);
    }
    return (await isHalfWay()) || null;
  });
  child.kill(signal);
  return ended;
}

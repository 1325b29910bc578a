/** Runs the command line as its user does: in a process of its own, with credentials in its environment. */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { ADMIN_TOKEN } from "../blackbox/checkout.ts";

const PROGRAM = join(import.meta.dirname, "..", "..", "packages", "cli", "bin", "edge-limiter.js");
const run = promisify(execFile);

export interface Ran {
  readonly code: number;
  readonly out: string;
  /** The standard error. */
  readonly notes: string;
}

/** @param url of the deployment; null: the environment names none. */
export async function edgeLimiter(
  url: URL | null,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const { PATH } = process.env;
  const credentials = url === null ? {} : { EDGE_LIMITER_URL: url.href, EDGE_LIMITER_TOKEN: ADMIN_TOKEN };
  const env = { PATH, ...credentials, ...environment };
  try {
    const { stdout, stderr } = await run(process.execPath, [PROGRAM, ...args], { env, maxBuffer: 2 ** 26 });
    return { code: 0, out: stdout, notes: stderr };
  } catch (thrown) {
    const { code, stdout, stderr }: { code?: unknown; stdout?: unknown; stderr?: unknown } = {
      ...Object(thrown),
    };
    if (typeof code !== "number") throw thrown;
    return { code, out: String(stdout), notes: String(stderr) };
  }
}

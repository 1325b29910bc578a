/** Runs a script as its own process, as npm does, with nobody's Cloudflare login in reach. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SCRIPTS = join(import.meta.dirname, "..", "..", "scripts");
/** Nothing listens there: no test reaches Cloudflare by mistake. */
const NOWHERE = "http://127.0.0.1:9/client/v4";

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** The fake Cloudflare's address, which wrangler is then logged in to. */
  readonly cloudflare?: string;
}

export async function runScript(
  name: "doctor" | "deploy" | "rebuild-directory",
  args: readonly string[],
  { cloudflare }: RunOptions = {},
): Promise<Run> {
  const home = await mkdtemp(join(tmpdir(), "edge-limiter-home-"));
  const kept = Object.entries(process.env).filter(
    ([key]) => !/^(CLOUDFLARE|CF|WRANGLER|WORKERS_CI|FORCE_COLOR|XDG)/.test(key),
  );
  const env = {
    ...Object.fromEntries(kept),
    HOME: home,
    USERPROFILE: home,
    WRANGLER_SEND_METRICS: "false",
    // Wrangler remembers the account in node_modules otherwise, which is everybody's.
    WRANGLER_CACHE_DIR: join(home, "cache"),
    CLOUDFLARE_API_BASE_URL: cloudflare ? `${cloudflare}/client/v4` : NOWHERE,
    ...(cloudflare ? { CLOUDFLARE_API_TOKEN: "not-a-real-token" } : {}),
  };
  const child = spawn(process.execPath, [join(SCRIPTS, `${name}.ts`), ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (output.stderr += text));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  await rm(home, { recursive: true, force: true });
  return { code, ...output };
}

/** Runs a script as a separate process, as npm does. Never with a real Cloudflare login. */
import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SCRIPTS = join(import.meta.dirname, "..", "..", "scripts");
/** Nothing listens here, so no test reaches Cloudflare by mistake. */
const NOWHERE = "http://127.0.0.1:9/client/v4";

export interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** URL of a fake Cloudflare; wrangler is then logged in to it. */
  readonly cloudflare?: string;
  /** Environment variables besides the test's own. */
  readonly env?: Readonly<Record<string, string>>;
}

export async function runScript(
  name: "doctor" | "deploy" | "demo-traffic" | "rebuild-directory" | "rebuild-register",
  args: readonly string[],
  { cloudflare, env: given = {} }: RunOptions = {},
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
    // By default wrangler caches the account in node_modules, which all checkouts share.
    WRANGLER_CACHE_DIR: join(home, "cache"),
    CLOUDFLARE_API_BASE_URL: cloudflare ? `${cloudflare}/client/v4` : NOWHERE,
    ...(cloudflare ? { CLOUDFLARE_API_TOKEN: "not-a-real-token" } : {}),
    ...given,
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

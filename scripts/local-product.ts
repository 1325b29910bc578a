/**
 * Runs the whole product on this machine: the production bundles of the gateway and the demo origin, in one workerd, with
 * their state on disk. `npm start`, the black-box tests and the benchmarks all run this.
 *
 * Nothing is stood in for: the bindings come from wrangler.toml, and the bundles are what `wrangler deploy` would upload.
 */
import { execFile, spawn } from "node:child_process";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";

/** Quiet wrangler down to its errors before it is loaded: its hints are for `wrangler dev`. */
process.env["WRANGLER_LOG"] ??= "error";
const { unstable_getMiniflareWorkerOptions: workerOptionsOf } = await import("wrangler");

const run = promisify(execFile);
const ROOT = join(import.meta.dirname, "..");
const GATEWAY = "edge-limiter";
const ORIGIN = "edge-limiter-origin";

export interface LocalOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Where state and bundles go. */
  readonly directory: string;
  /** Variables and secrets of the gateway, over those of wrangler.toml. */
  readonly variables: Readonly<Record<string, string>>;
}

export interface LocalProduct {
  readonly url: URL;
  close(): Promise<void>;
}

/** Builds, starts and waits until requests are served. @throws where the port is taken or a build fails. */
export async function startLocalProduct(options: LocalOptions): Promise<LocalProduct> {
  await assertPortIsFree(options.port);
  const [gateway, origin] = await Promise.all([
    build("wrangler.toml", join(options.directory, "build", "gateway")),
    build("examples/origin/wrangler.toml", join(options.directory, "build", "origin")),
  ]);
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: options.port,
      cf: false,
      resourcePersistencePath: join(options.directory, "state"),
      log: new Log(LogLevel.ERROR),
      workers: [
        {
          ...workerOptionsOf(join(ROOT, "wrangler.toml")).workerOptions,
          name: GATEWAY,
          rootPath: dirname(gateway),
          modules: [{ type: "ESModule", path: gateway }],
          bindings: { LOG_LEVEL: "warn", UPSTREAM: "service:ORIGIN", ...options.variables },
          serviceBindings: { ORIGIN },
        },
        {
          ...workerOptionsOf(join(ROOT, "examples/origin/wrangler.toml")).workerOptions,
          name: ORIGIN,
          rootPath: dirname(origin),
          modules: [{ type: "ESModule", path: origin }],
        },
      ],
    }),
  );
  const url = await miniflare.ready;
  const stopReaper = await reapOrphans();
  return {
    url,
    async close() {
      await miniflare.dispose();
      stopReaper();
    },
  };
}

/** The bundle that `wrangler deploy` would upload. */
async function build(config: string, directory: string): Promise<string> {
  const wrangler = join(ROOT, "node_modules", "wrangler", "bin", "wrangler.js");
  const command = [wrangler, "deploy", "--dry-run", "--config", config, "--outdir", directory];
  try {
    await run(process.execPath, command, { cwd: ROOT });
  } catch (thrown) {
    throw new Error(`the build of ${config} failed`, { cause: thrown });
  }
  return join(directory, "index.js");
}

async function assertPortIsFree(port: number): Promise<void> {
  if (port === 0) return;
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once("error", () =>
      reject(
        new Error(`port ${port} is taken: stop what listens there, or choose another: PORT=8788 npm start`),
      ),
    );
    probe.listen(port, "127.0.0.1", resolve);
  });
  await new Promise((resolve) => probe.close(resolve));
}

/**
 * workerd outlives a parent that is killed with -9 and would keep the port. A shell that waits for our end of a pipe to
 * close takes it down; there is none where there is no `pgrep` (Windows).
 */
async function reapOrphans(): Promise<() => void> {
  const children = await run("pgrep", ["-P", String(process.pid), "workerd"]).catch(() => null);
  const pids = children?.stdout.split("\n").filter((pid) => /^\d+$/.test(pid)) ?? [];
  if (pids.length === 0) return () => undefined;
  const reaper = spawn("sh", ["-c", `read _ || kill -9 ${pids.join(" ")} 2>/dev/null`], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });
  reaper.unref();
  return () => reaper.stdin?.end("done\n");
}

/**
 * Runs the whole product on this machine: the production bundles of the gateway and the demo origin, in one workerd, with
 * their state on disk. `npm start`, the black-box tests and the benchmarks all run this.
 *
 * Nothing is stood in for: the bindings come from wrangler.toml, and the bundles are what `wrangler deploy` would upload.
 */
import { cp, mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { ASSETS_DIRECTORY, buildAssets } from "./build-assets.ts";
import { bundle } from "./bundle.ts";
import { lockDirectory } from "./directory-lock.ts";
import { Reaper } from "./reaper.ts";

const ROOT = join(import.meta.dirname, "..");
const GATEWAY = "edge-limiter";
const ORIGIN = "edge-limiter-origin";
const ASSETS = "edge-limiter-assets";
/** What answers where there is no such file. */
const NO_ASSET = "export default { fetch: () => new Response(null, { status: 404 }) };";
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface LocalOptions {
  /** 0: any free port. */
  readonly port: number;
  /** Where state and bundles go. One product at a time. */
  readonly directory: string;
  /** Variables and secrets of the gateway, over those of wrangler.toml. */
  readonly variables: Readonly<Record<string, string>>;
  /** Keep bundles that are newer than their sources. Off where left out: always build. */
  readonly reuseBundles?: boolean;
}

export interface LocalProduct {
  readonly url: URL;
  /** Resolves when workerd has ended and the port is free. */
  close(): Promise<void>;
}

/**
 * Builds, starts and waits until requests are served. Signals are the caller's to handle; when the process exits, workerd
 * ends with it.
 * @throws where the port or the directory is taken or a build fails.
 */
export async function startLocalProduct(options: LocalOptions): Promise<LocalProduct> {
  await mkdir(options.directory, { recursive: true });
  const unlock = lockDirectory(options.directory);
  try {
    await assertPortIsFree(options.port);
    const miniflare = await startMiniflare(options);
    return {
      url: miniflare.url,
      async close() {
        await miniflare.close();
        unlock();
      },
    };
  } catch (thrown) {
    unlock();
    throw thrown;
  }
}

async function startMiniflare(options: LocalOptions): Promise<LocalProduct> {
  const { port, directory, variables, reuseBundles = false } = options;
  // Quiet it down to its errors before it is loaded: its hints are for `wrangler dev`. Loading it takes a second.
  process.env["WRANGLER_LOG"] ??= "error";
  const assets = join(directory, "build", "assets");
  const buildGateway = async (): Promise<string> => {
    // Where the bundle is kept, wrangler does not build them; where it is not, wrangler finds them built.
    await buildAssets();
    // Its own: what is built later, by a test or another start, is not for this product.
    await rm(assets, { recursive: true, force: true });
    await cp(ASSETS_DIRECTORY, assets, { recursive: true });
    return bundle("wrangler.toml", join(directory, "build", "gateway"), reuseBundles);
  };
  const [{ unstable_getMiniflareWorkerOptions: workerOptionsOf }, gateway, origin] = await Promise.all([
    import("wrangler"),
    buildGateway(),
    bundle("examples/origin/wrangler.toml", join(directory, "build", "origin"), reuseBundles),
  ]);
  const { assets: _assets, ...gatewayOptions } = workerOptionsOf(join(ROOT, "wrangler.toml")).workerOptions;
  const reaper = new Reaper();
  const settings = convertV4MiniflareOptions({
    host: "127.0.0.1",
    port,
    cf: false,
    resourcePersistencePath: join(directory, "state"),
    log: new Log(LogLevel.ERROR),
    unsafeHandleRuntimeRestart: () => reaper.watch(),
    workers: [
      {
        ...gatewayOptions,
        name: GATEWAY,
        rootPath: dirname(gateway),
        modules: [{ type: "ESModule", path: gateway }],
        bindings: { LOG_LEVEL: "warn", UPSTREAM: "service:ORIGIN", ...variables },
        serviceBindings: { ORIGIN, ASSETS },
      },
      {
        // A Worker of their own: Miniflare's router before the gateway would cost every request half a millisecond.
        name: ASSETS,
        assets: {
          directory: assets,
          routerConfig: { has_user_worker: true },
          assetConfig: { html_handling: "none" },
        },
        modules: [{ type: "ESModule", path: "assets.js", contents: NO_ASSET }],
      },
      {
        ...workerOptionsOf(join(ROOT, "examples/origin/wrangler.toml")).workerOptions,
        name: ORIGIN,
        rootPath: dirname(origin),
        modules: [{ type: "ESModule", path: origin }],
      },
    ],
  });
  const miniflare = withoutSignalHandlers(() => new Miniflare(settings));
  const close = async (): Promise<void> => {
    await miniflare.dispose();
    reaper.dismiss();
  };
  // From its first moments on: who kills us may not wait until it serves.
  const watching = setInterval(() => reaper.watch(), 100);
  try {
    const url = await miniflare.ready;
    await reaper.watch();
    return { url, close };
  } catch (thrown) {
    await close();
    throw thrown;
  } finally {
    clearInterval(watching);
  }
}

/** Miniflare exits the process on a signal, before anybody can close anything. Its hook on exit stays. */
export function withoutSignalHandlers<T>(make: () => T): T {
  const before = SIGNALS.map((signal) => new Set(process.listeners(signal)));
  const made = make();
  SIGNALS.forEach((signal, i) => {
    for (const listener of process.listeners(signal)) {
      if (!before[i]?.has(listener)) process.removeListener(signal, listener);
    }
  });
  return made;
}

/** Also on ::1, where `localhost` is looked for first: what listens there would get our requests. */
async function assertPortIsFree(port: number): Promise<void> {
  if (port === 0) return;
  for (const host of ["127.0.0.1", "::1"]) {
    const code = await bindingFault(port, host);
    if (code === "EADDRINUSE") {
      throw new Error(
        `port ${port} is taken: stop what listens there, or choose another: PORT=8788 npm start`,
      );
    }
    if (code === "EACCES") {
      throw new Error(`port ${port} is not yours to listen on: choose one from 1024 on: PORT=8788 npm start`);
    }
  }
}

/** Why one cannot listen there, or null where one can. */
function bindingFault(port: number, host: string): Promise<string | null> {
  const probe = createServer();
  return new Promise((done) => {
    probe.once("error", (fault) => done("code" in fault ? String(fault.code) : fault.message));
    probe.listen(port, host, () => probe.close(() => done(null)));
  });
}

/**
 * Runs the whole product on this machine: the production bundles of the gateway and the demo origin in one workerd, with
 * their state on disk. `npm start`, the black-box tests, the load tests and the benchmarks use it.
 *
 * Never replaces a part with a fake: the bindings come from wrangler.toml, and the bundles are those that
 * `wrangler deploy` would upload.
 */
import { cp, mkdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { ASSETS_DIRECTORY } from "./build-assets.ts";
import { buildParts } from "./build-parts.ts";
import { bundle, ENTRY, modulesOf } from "./bundle.ts";
import type { Stop } from "./closing-steps.ts";
import { lockDirectory } from "./directory-lock.ts";
import { Reaper } from "./reaper.ts";
import { type Clock, shiftedModules } from "./shifted-clock.ts";
import { stoppableModules } from "./stoppable-modules.ts";
import { workerOptions } from "./worker-options.ts";

const GATEWAY_CONFIG = "wrangler.toml";
const ORIGIN_CONFIG = "examples/origin/wrangler.toml";
const GATEWAY = "edge-limiter";
const ORIGIN = "edge-limiter-origin";
/** A second one, for the pool of the demo's policy. */
const ORIGIN_B = "edge-limiter-origin-b";
const ASSETS = "edge-limiter-assets";
/** Responds if there is no such asset. */
const NO_ASSET = "export default { fetch: () => new Response(null, { status: 404 }) };";
/** Well above what the demo sends. */
const SHIELDS = {
  FLOOD_SHIELD: { namespace_id: "1001", simple: { limit: 2_000, period: 10 } },
  CREDENTIAL_SHIELD: { namespace_id: "1002", simple: { limit: 20, period: 60 } },
} as const;
const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface LocalOptions {
  /** 0 for any free port. */
  readonly port: number;
  /** Directory for state and bundles. Only one product may use it at a time. */
  readonly directory: string;
  /** Directory for the state. Default: `state` in {@link directory}. */
  readonly state?: string;
  /** Variables and secrets of the gateway. They override those of wrangler.toml. */
  readonly variables: Readonly<Record<string, string>>;
  /** Keep bundles that are newer than their sources. Default: always build. */
  readonly reuseBundles?: boolean;
  /** Whether this process has just built it: nothing is built or compared again. Default: no. */
  readonly isBuilt?: boolean;
  /** How far the product's clock is ahead, or that requests set it. Default: 0. */
  readonly clock?: Clock;
  /** Whether to bind the shields that wrangler.toml does not. Default: no, since a client that measures comes from one address. */
  readonly shields?: boolean;
  /** The step of a close after which the product stands still; default: none. */
  readonly stopAfter?: Stop | null;
}

export interface LocalProduct {
  readonly url: URL;
  /** Resolves when workerd has exited and the port is free. */
  close(): Promise<void>;
}

/**
 * Builds the product, starts it and waits until it serves requests. The caller handles signals; workerd exits with this
 * process.
 * @throws if the port or the directory is in use, or if a build fails.
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
  const {
    port,
    directory,
    variables,
    reuseBundles = false,
    isBuilt = false,
    clock = 0,
    shields = false,
    stopAfter = null,
  } = options;
  const assets = join(directory, "build", "assets");
  const gatewayDirectory = join(directory, "build", "gateway");
  const buildGateway = async (): Promise<string> => {
    if (isBuilt) return join(gatewayDirectory, ENTRY);
    // wrangler builds the assets and modules only if it builds the bundle; if it does, it finds them up to date.
    await buildParts();
    // A copy, so that later builds, by a test or another start, do not affect this product.
    await rm(assets, { recursive: true, force: true });
    await cp(ASSETS_DIRECTORY, assets, { recursive: true });
    return bundle(GATEWAY_CONFIG, gatewayDirectory, reuseBundles);
  };
  const originDirectory = join(directory, "build", "origin");
  const [gateway, gatewayOptions, origin, originOptions] = await Promise.all([
    buildGateway(),
    workerOptions(GATEWAY_CONFIG, gatewayDirectory, reuseBundles || isBuilt),
    isBuilt ? join(originDirectory, ENTRY) : bundle(ORIGIN_CONFIG, originDirectory, reuseBundles),
    workerOptions(ORIGIN_CONFIG, originDirectory, reuseBundles || isBuilt),
  ]);
  const bundled = [gateway, ...(await modulesOf(gateway))];
  const objects = Object.values(gatewayOptions.durableObjects ?? {}).map(classNameOf);
  const timed = clock === 0 ? [] : await shiftedModules(gateway, gatewayDirectory, objects, clock);
  const stops =
    stopAfter === null
      ? []
      : await stoppableModules(timed[0] ?? gateway, gatewayDirectory, objects, stopAfter);
  const modules = [...stops, ...timed, ...bundled];
  const reaper = new Reaper();
  const settings = convertV4MiniflareOptions({
    host: "127.0.0.1",
    port,
    cf: false,
    resourcePersistencePath: options.state ?? join(directory, "state"),
    log: new Log(LogLevel.ERROR),
    workers: [
      {
        ...gatewayOptions,
        name: GATEWAY,
        rootPath: dirname(gateway),
        modules: modules.map((path) => ({ type: "ESModule", path })),
        bindings: {
          LOG_LEVEL: "warn",
          UPSTREAM: "service:ORIGIN",
          SERVER_TIMING: "on",
          ANALYTICS_DELAY_MS: "100",
          ...variables,
        },
        serviceBindings: { ORIGIN, ORIGIN_B, ASSETS },
        ...(shields ? { ratelimits: Object.assign({}, SHIELDS, gatewayOptions.ratelimits) } : {}),
      },
      {
        // A separate Worker: Miniflare's asset router in front of the gateway would add half a millisecond to every request.
        name: ASSETS,
        assets: {
          directory: assets,
          routerConfig: { has_user_worker: true },
          assetConfig: { html_handling: "none" },
        },
        modules: [{ type: "ESModule", path: "assets.js", contents: NO_ASSET }],
      },
      ...[ORIGIN, ORIGIN_B].map((name) =>
        Object.assign({}, originOptions, {
          name,
          rootPath: dirname(origin),
          modules: [{ type: "ESModule" as const, path: origin }],
        }),
      ),
    ],
  });
  const miniflare = withoutSignalHandlers(() => new Miniflare(settings));
  const close = async (): Promise<void> => {
    await miniflare.dispose();
    reaper.dismiss();
  };
  try {
    return { url: await miniflare.ready, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Removes the signal handlers that `make` adds: Miniflare's exit the process before it can close. Its exit hook stays. */
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

/** Checks ::1 too: clients try it first for `localhost`, so another server there would receive our requests. */
async function assertPortIsFree(port: number): Promise<void> {
  if (port === 0) return;
  for (const host of ["127.0.0.1", "::1"]) {
    const code = await listenError(port, host);
    if (code === "EADDRINUSE") {
      throw new Error(
        `port ${port} is in use: stop the program that uses it, or choose another port: PORT=8788 npm start`,
      );
    }
    if (code === "EACCES") {
      throw new Error(
        `port ${port} needs more privileges: choose a port of at least 1024: PORT=8788 npm start`,
      );
    }
  }
}

/** The error code of listening on the port, or null if it is free. */
function listenError(port: number, host: string): Promise<string | null> {
  const probe = createServer();
  return new Promise((done) => {
    probe.once("error", (fault) => done("code" in fault ? String(fault.code) : fault.message));
    probe.listen(port, host, () => probe.close(() => done(null)));
  });
}

/** The class of a Durable Object binding. */
function classNameOf(binding: string | { readonly className: string }): string {
  return typeof binding === "string" ? binding : binding.className;
}

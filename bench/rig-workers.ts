/** The contenders as Miniflare's options: which bundle, which bindings. Built with the product's settings. */
import { dirname, join } from "node:path";
import { bundle } from "../scripts/bundle.ts";

const ROOT = join(import.meta.dirname, "..");
const COMPATIBILITY_DATE = "2026-10-01";
/** Bundles are kept between runs while their sources have not changed. */
const BUILDS = join(ROOT, "dist", "bench");
/** Of the benchmark's own objects, which nobody else can reach. */
export const ADMIN_TOKEN = "bench-admin-token-0123456789abcdef";

/** What a limiter of P8 admits at most. The binding's is configuration, so all have this one. */
export const CAPACITY = 3_000;

/** Edges beside the first, each an isolate of its own, that share the first one's objects. */
export const FURTHER = [2, 3, 4];

/** `embedded` as the product is deployed; `engine`: points go to Analytics Engine, and the hub keeps only counts. */
export type Analytics = "embedded" | "engine";

/** One Worker, as Miniflare takes it. */
export interface RigWorker {
  readonly name: string;
  readonly rootPath: string;
  readonly modules: { type: "ESModule"; path: string }[];
  readonly compatibilityDate: string;
  readonly bindings?: Record<string, string>;
  readonly serviceBindings?: Record<string, string>;
  readonly kvNamespaces?: Record<string, string>;
  readonly durableObjects?: Record<string, { className: string; useSQLite: true; scriptName?: string }>;
  readonly ratelimits?: Record<string, { namespace_id: string; simple: { limit: number; period: 10 | 60 } }>;
  readonly analyticsEngineDatasets?: Record<string, { dataset: string }>;
}

type Objects = NonNullable<RigWorker["durableObjects"]>;

/** All that are timed. */
export async function contenders(): Promise<RigWorker[]> {
  const [product, ours, bare, objects, peer, binding] = await Promise.all([
    productBundle(),
    built("ours"),
    built("bare"),
    built("objects"),
    built("hono-rate-limiter"),
    built("ratelimit-binding"),
  ]);
  const counter = { objects: { COUNTER: "Counter" }, kvNamespaces: { KEYS: "bench-keys" } };
  const store = { objects: { STORE: "DurableObjectRateLimiter" } };
  const ratelimits = {
    UNLIMITED: { namespace_id: "1", simple: { limit: 1e9, period: 60 as const } },
    LIMITED: { namespace_id: "2", simple: { limit: CAPACITY, period: 60 as const } },
  };
  return [
    {
      ...limiter("product", product, "embedded"),
      bindings: variables("embedded", "service:ORIGIN"),
      serviceBindings: { ORIGIN: "origin" },
    },
    ...isolates("ours", (name) => limiter(name, ours, "embedded", "ours")),
    worker("bare", bare),
    { ...worker("bare-forward", bare), serviceBindings: { ORIGIN: "origin" } },
    worker("origin", bare),
    ...isolates("objects", (name) => ({
      ...worker(name, objects),
      kvNamespaces: counter.kvNamespaces,
      durableObjects: bound(counter.objects, name, "objects"),
    })),
    ...isolates("hono-rate-limiter", (name) => ({
      ...worker(name, peer),
      durableObjects: bound(store.objects, name, "hono-rate-limiter"),
    })),
    ...isolates("ratelimit-binding", (name) => ({ ...worker(name, binding), ratelimits })),
  ];
}

/** The one that counts what it is billed for. */
export async function countedWorker(analytics: Analytics): Promise<RigWorker[]> {
  const [counted, objects] = await Promise.all([built("counted"), built("objects")]);
  return [
    limiter("counted", counted, analytics),
    {
      ...worker("objects", objects),
      kvNamespaces: { KEYS: "bench-keys" },
      durableObjects: bound({ COUNTER: "Counter" }, "objects", "objects"),
    },
  ];
}

/** An edge whose isolate holds no objects: what it keeps in memory is the edge's own. */
export async function edgeAlone(): Promise<RigWorker[]> {
  const ours = await built("ours");
  return [limiter("ours", ours, "embedded"), limiter("edge", ours, "embedded", "ours")];
}

/** The self-answering one, with the names of functions kept. */
export async function profiledWorkers(): Promise<RigWorker[]> {
  return [limiter("profiled", await built("profiled"), "embedded")];
}

export function productBundle(): Promise<string> {
  return bundle("wrangler.toml", join(BUILDS, "product"), true);
}

function built(name: string): Promise<string> {
  return bundle(join("bench", "workers", name, "wrangler.toml"), join(BUILDS, name), true);
}

function worker(name: string, path: string): RigWorker {
  return {
    name,
    rootPath: dirname(path),
    modules: [{ type: "ESModule", path }],
    compatibilityDate: COMPATIBILITY_DATE,
  };
}

/** One of ours. Its objects are `owner`'s. */
function limiter(name: string, path: string, analytics: Analytics, owner = name): RigWorker {
  const objects = {
    USER_LIMITER: "UserLimiter",
    POLICY_REGISTRY: "PolicyRegistry",
    ACCOUNT_DIRECTORY: "AccountDirectory",
    METRICS_HUB: "MetricsHub",
  };
  return {
    ...worker(name, path),
    bindings: variables(analytics, ""),
    kvNamespaces: { CONFIG: `bench-${owner}` },
    durableObjects: bound(objects, name, owner),
    analyticsEngineDatasets: { ANALYTICS_ENGINE: { dataset: "bench" } },
  };
}

function variables(analytics: Analytics, upstream: string): Record<string, string> {
  return { ADMIN_TOKEN, UPSTREAM: upstream, LOG_LEVEL: "error", ANALYTICS: analytics };
}

/** Bindings to objects: the Worker's own, or those of the Worker that owns them. */
function bound(classes: Readonly<Record<string, string>>, name: string, owner: string): Objects {
  const of = name === owner ? {} : { scriptName: owner };
  return Object.fromEntries(
    Object.entries(classes).map(([binding, className]) => [binding, { className, useSQLite: true, ...of }]),
  );
}

/** The Worker and its further isolates. */
function isolates(name: string, make: (name: string) => RigWorker): RigWorker[] {
  return [name, ...FURTHER.map((n) => `${name}-${n}`)].map(make);
}

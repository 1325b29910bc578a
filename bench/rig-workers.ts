/** The contenders' Workers as Miniflare options, with their bundles and bindings. Built with the product's settings. */
import { dirname, join } from "node:path";
import { buildModules } from "../scripts/build-modules.ts";
import { bundle, modulesOf } from "../scripts/bundle.ts";

const ROOT = join(import.meta.dirname, "..");
const COMPATIBILITY_DATE = "2026-10-01";
/** Bundles are kept between runs until their sources change. */
const BUILDS = join(ROOT, "dist", "bench");
/** Not a secret: the rig listens on loopback only. */
export const ADMIN_TOKEN = "bench-admin-token-0123456789abcdef";

/** The limit of each limiter in P8. The same for all, since that of the `ratelimits` binding is configuration. */
export const CAPACITY = 3_000;

/** Numbers of the additional isolates of a Worker. They share the objects of the first one. */
export const FURTHER = [2, 3, 4];

/** Distances of users' objects from the isolates of P11, and of P8: what a call takes longer than in one process, ms. */
export const FAR_MS = [5, 20, 80];
export const ACCURACY_MS = [40, 120];
/** Isolates at each distance. */
const FAR_ISOLATES = 4;

/** The Workers that reach their objects from a distance. */
export function farIsolates(distanceMs: number, count = FAR_ISOLATES): string[] {
  return Array.from({ length: count }, (_, n) => `ours-${distanceMs}-ms-${n + 1}`);
}

/** Where points go. `embedded`: to the hub, as in the default configuration. `engine`: to Analytics Engine; the hub only counts. */
export type Analytics = "embedded" | "engine";

/** Miniflare's options for one Worker. */
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

/** The Workers of all timed contenders. */
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
      modules: [product, ...(await modulesOf(product))].map((path) => ({ type: "ESModule", path })),
      bindings: variables("embedded", "service:ORIGIN"),
      serviceBindings: { ORIGIN: "origin" },
    },
    ...isolates("ours", (name) => limiter(name, ours, "embedded", "ours")),
    ...far(ACCURACY_MS, ours),
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

/** The Worker that counts its billed operations, an origin that its pools may name, and the naive limiter. */
export async function countedWorker(analytics: Analytics): Promise<RigWorker[]> {
  const [counted, bare, objects] = await Promise.all([built("counted"), built("bare"), built("objects")]);
  return [
    { ...limiter("counted", counted, analytics), serviceBindings: { ORIGIN: "counted-origin" } },
    worker("counted-origin", bare),
    {
      ...worker("objects", objects),
      kvNamespaces: { KEYS: "bench-keys" },
      durableObjects: bound({ COUNTER: "Counter" }, "objects", "objects"),
    },
  ];
}

/** A secret of the rig's own, so that forged tokens are verified. */
export const JWT_VARIABLES = {
  JWT_ALGORITHM: "HS256",
  JWT_SECRET: "bench-token-secret-0123456789abcdef",
  JWT_ISSUER: "bench",
  JWT_AUDIENCE: "bench",
};

/**
 * Workers that count their operations behind a shield: `flooded` lets one request of an address through each minute, `guessed` one wrong
 * credential, and no flood.
 */
export async function shieldedWorkers(): Promise<RigWorker[]> {
  const counted = await built("counted");
  const limited = (namespace_id: string, limit: number) => ({
    namespace_id,
    simple: { limit, period: 60 as const },
  });
  return [
    { ...limiter("flooded", counted, "embedded"), ratelimits: { FLOOD_SHIELD: limited("1", 1) } },
    {
      ...limiter("guessed", counted, "embedded", "guessed", JWT_VARIABLES),
      ratelimits: { FLOOD_SHIELD: limited("2", 1e9), CREDENTIAL_SHIELD: limited("3", 1) },
    },
  ];
}

/** The owner of the objects, and isolates at each distance of P11. */
export async function hopWorkers(): Promise<RigWorker[]> {
  const ours = await built("ours");
  return [limiter("ours", ours, "embedded"), ...far(FAR_MS, ours)];
}

/** The owner of the objects with three further isolates, and four at each distance of P8. All say who decided. */
export async function changedWorkers(): Promise<RigWorker[]> {
  const ours = await built("ours");
  const near = isolates("ours", (name) =>
    limiter(name, ours, "embedded", "ours", { SERVER_TIMING: "on", ...LONG_DEADLINE }),
  );
  return [...near, ...far(ACCURACY_MS, ours, LONG_DEADLINE)];
}

/** Edges that can be killed, since they run in a workerd of their own: one at each distance of P8, and one near the objects of `ours`. */
export async function mortalWorkers(): Promise<RigWorker[]> {
  const ours = await built("ours");
  return [0, ...ACCURACY_MS].map((ms) =>
    limiter(mortalName(ms), ours, "embedded", "ours", {
      DISTANCE_MS: String(ms),
      SERVER_TIMING: "on",
      ...LONG_DEADLINE,
    }),
  );
}

export function mortalName(distanceMs: number): string {
  return `mortal-${distanceMs}-ms`;
}

/** On a busy machine, the object may answer late. The failure policy would then decide, which is not what is measured. */
const LONG_DEADLINE = { LIMITER_TIMEOUT_MS: "10000" };

function far(
  distances: readonly number[],
  bundled: string,
  more: Readonly<Record<string, string>> = {},
): RigWorker[] {
  const at = (ms: number) => ({ DISTANCE_MS: String(ms), SERVER_TIMING: "on", ...more });
  return distances.flatMap((ms) =>
    farIsolates(ms).map((name) => limiter(name, bundled, "embedded", "ours", at(ms))),
  );
}

/** An edge whose isolate runs no objects, so that all memory is the edge's. */
export async function edgeAlone(): Promise<RigWorker[]> {
  const ours = await built("ours");
  return [limiter("ours", ours, "embedded"), limiter("edge", ours, "embedded", "ours")];
}

/** The self-answering Worker and one that forwards, with function names kept. */
export async function profiledWorkers(): Promise<RigWorker[]> {
  const [profiled, bare] = await Promise.all([built("profiled"), built("bare")]);
  const upstream = { UPSTREAM: "service:ORIGIN" };
  return [
    limiter("profiled", profiled, "embedded"),
    {
      ...limiter("forwarding", profiled, "embedded", "forwarding", upstream),
      serviceBindings: { ORIGIN: "origin" },
    },
    worker("origin", bare),
  ];
}

/** Two Workers with a changed bundle, then two with it as it is. @param change returns the path of the changed one. */
export async function ruledWorkers(change: (bundled: string) => Promise<string>): Promise<RigWorker[]> {
  const repeating = await built("repeating");
  const changed = await change(repeating);
  return [changed, changed, repeating, repeating].map((path, n) => limiter(`ruled-${n}`, path, "embedded"));
}

export function productBundle(): Promise<string> {
  return bundle("wrangler.toml", join(BUILDS, "product"), true);
}

/** Built once: the bundles of the benchmark's own Workers contain the modules that the product loads on first use. */
let modules: Promise<void> | null = null;

async function built(name: string): Promise<string> {
  await (modules ??= buildModules());
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

/** A Worker with our limiter. @param owner the Worker whose objects it uses. */
function limiter(
  name: string,
  path: string,
  analytics: Analytics,
  owner = name,
  more: Readonly<Record<string, string>> = {},
): RigWorker {
  const objects = {
    USER_LIMITER: "UserLimiter",
    POLICY_REGISTRY: "PolicyRegistry",
    ACCOUNT_DIRECTORY: "AccountDirectory",
    METRICS_HUB: "MetricsHub",
    BILLING_REGISTER: "BillingRegister",
    WEBHOOK_DESK: "WebhookDesk",
  };
  return {
    ...worker(name, path),
    bindings: { ...variables(analytics, ""), ...more },
    kvNamespaces: { CONFIG: `bench-${owner}` },
    durableObjects: bound(objects, name, owner),
    analyticsEngineDatasets: { ANALYTICS_ENGINE: { dataset: "bench" } },
  };
}

function variables(analytics: Analytics, upstream: string): Record<string, string> {
  return { ADMIN_TOKEN, UPSTREAM: upstream, LOG_LEVEL: "info", ANALYTICS: analytics };
}

/** Bindings to the Worker's own objects, or to those of `owner`. */
function bound(classes: Readonly<Record<string, string>>, name: string, owner: string): Objects {
  const of = name === owner ? {} : { scriptName: owner };
  return Object.fromEntries(
    Object.entries(classes).map(([binding, className]) => [binding, { className, useSQLite: true, ...of }]),
  );
}

/** The Worker and its additional isolates. */
function isolates(name: string, make: (name: string) => RigWorker): RigWorker[] {
  return [name, ...FURTHER.map((n) => `${name}-${n}`)].map(make);
}

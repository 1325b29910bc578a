/** Who runs in each round, in this order, under which load. Data alone: rounds.ts runs it, targets.ts compares it. */
import { FURTHER } from "./rig-workers.ts";
import type { Load } from "./load.ts";

/** What the loads need to know of the rig. */
export interface Places {
  url(worker: string): string;
  readonly keys: Readonly<Record<"strict" | "leased" | "unlimited" | "denied", string>>;
  /** Keys of the product's own users, which are not those of `ours`. */
  readonly productKey: string;
  /** How many users are many, and a file with their keys, which are also the names of those who need none. */
  readonly many: { readonly count: number; readonly file: string };
  /** Of the Node server, or null where Redis is not installed. */
  readonly node: { readonly url: string } | null;
}

export interface Contender {
  readonly name: ContenderName;
  /** As the table calls it. */
  readonly title: string;
  readonly load: (places: Places) => Omit<Load, "seconds"> | null;
  /** Whether all are to be refused rather than none. */
  readonly isDenied?: true;
}

export type ContenderName =
  | "bare"
  | "leased"
  | "unlimited"
  | "bare-forward"
  | "leased-forward"
  | "empty-64"
  | "strict-64"
  | "empty-1"
  | "strict-1"
  | "empty-many"
  | "strict-many"
  | "denied"
  | "write"
  | "hono-rate-limiter"
  | "ratelimit-binding"
  | "node"
  | "node-redis";

/** Clients at once. */
export const CLIENTS = 64;

/** In the order in which they run: who is compared runs beside whom. */
export const CONTENDERS: readonly Contender[] = [
  {
    name: "bare",
    title: "Hono, no limiter",
    load: ({ url, keys }) => by(keys.leased, `${url("bare")}/identify`),
  },
  {
    name: "leased",
    title: "**leased**",
    load: ({ url, keys }) => by(keys.leased, `${url("ours")}/identify`),
  },
  {
    name: "unlimited",
    title: "**leased**, a tier without limits",
    load: ({ url, keys }) => by(keys.unlimited, `${url("ours")}/identify`),
  },
  {
    name: "denied",
    title: "**denied**",
    load: ({ url, keys }) => by(keys.denied, `${url("ours")}/identify`),
    isDenied: true,
  },
  {
    name: "bare-forward",
    title: "Hono, no limiter, forwarding",
    load: ({ url, productKey }) => by(productKey, `${url("bare-forward")}/identify`),
  },
  {
    name: "leased-forward",
    title: "**leased**, forwarding",
    load: ({ url, productKey }) => by(productKey, `${url("product")}/identify`),
  },
  {
    name: "empty-64",
    title: "an empty object call per request",
    load: ({ url, keys }) => by(keys.strict, `${url("objects")}/empty`),
  },
  {
    name: "strict-64",
    title: "**strict**",
    load: ({ url, keys }) => by(keys.strict, `${url("ours")}/identify`),
  },
  {
    name: "hono-rate-limiter",
    title: "hono-rate-limiter, Durable Object store",
    load: ({ url, keys }) => by(keys.strict, `${url("hono-rate-limiter")}/identify`),
  },
  {
    name: "write",
    title: "a row written per check",
    load: ({ url, keys }) => by(keys.strict, `${url("objects")}/write`),
  },
  {
    name: "ratelimit-binding",
    title: "`ratelimits` binding, as simulated locally",
    load: ({ url, keys }) => by(keys.strict, `${url("ratelimit-binding")}/identify`),
  },
  {
    name: "empty-1",
    title: "an empty object call per request, 1 client",
    load: ({ url, keys }) => by(keys.strict, `${url("objects")}/empty`, 1),
  },
  {
    name: "strict-1",
    title: "**strict**, 1 client",
    load: ({ url, keys }) => by(keys.strict, `${url("ours")}/identify`, 1),
  },
  {
    name: "empty-many",
    title: "an empty object call per request, many users",
    load: ({ url, keys, many }) => ({
      ...by(keys.strict, `${url("objects")}/empty`),
      users: { header: "X-User", ...many },
    }),
  },
  {
    name: "strict-many",
    title: "**strict**, many users",
    load: ({ url, many }) => ({
      ...by(null, `${url("ours")}/identify`),
      users: { header: "X-API-Key", ...many },
    }),
  },
  {
    name: "node",
    title: "Node, no limiter",
    load: ({ node, keys }) => node && by(keys.strict, `${node.url}/bare`),
  },
  {
    name: "node-redis",
    title: "rate-limiter-flexible with Redis, on Node",
    load: ({ node, keys }) => node && by(keys.strict, `${node.url}/limited`),
  },
];

/** A load with what every request on Cloudflare carries. */
function by(key: string | null, url: string, connections = CLIENTS): Omit<Load, "seconds"> {
  const headers = { "CF-Connecting-IP": "203.0.113.9", ...(key === null ? {} : { "X-API-Key": key }) };
  return { url, connections, headers };
}

/** The isolates of a Worker that has several. */
export function isolatesOf(worker: string): string[] {
  return [worker, ...FURTHER.map((n) => `${worker}-${n}`)];
}

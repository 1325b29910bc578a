/** The contenders of each round, in order, with their load. Data only: rounds.ts runs it, targets.ts compares the results. */
import { FURTHER } from "./rig-workers.ts";
import type { Load } from "./wrk.ts";

/** The URLs and keys of the rig, which the loads need. */
export interface Places {
  url(worker: string): string;
  readonly keys: Readonly<Record<"strict" | "auto" | "unlimited" | "denied", string>>;
  /** Key of a user of `product`, which does not share its users with `ours`. */
  readonly productKey: string;
  /** The many users: their number, and a file with their keys. Contenders without keys use them as user names. */
  readonly many: { readonly count: number; readonly file: string };
  /** The Node server, or null if Redis is not installed. */
  readonly node: { readonly url: string } | null;
}

export interface Contender {
  readonly name: ContenderName;
  /** Name in the tables. */
  readonly title: string;
  readonly load: (places: Places) => Omit<Load, "seconds"> | null;
  /** Set if all requests must be rejected; otherwise none may be. */
  readonly isDenied?: true;
}

export type ContenderName =
  | "bare"
  | "same-headers"
  | "auto"
  | "unlimited"
  | "bare-forward"
  | "auto-forward"
  | "empty-64"
  | "strict-64"
  | "empty-1"
  | "auto-1"
  | "strict-1"
  | "empty-many"
  | "auto-many"
  | "denied"
  | "write"
  | "hono-rate-limiter"
  | "ratelimit-binding"
  | "node"
  | "node-redis";

/** Concurrent clients. */
export const CLIENTS = 64;

/** In the order in which they run. Contenders that are compared run next to each other. */
export const CONTENDERS: readonly Contender[] = [
  {
    name: "bare",
    title: "Hono, no limiter",
    load: ({ url, keys }) => by(keys.auto, `${url("bare")}/identify`),
  },
  {
    name: "same-headers",
    title: "Hono, the same headers",
    load: ({ url, keys }) => by(keys.auto, `${url("bare")}/headers`),
  },
  {
    name: "auto",
    title: "**hot user**, two limits",
    load: ({ url, keys }) => by(keys.auto, `${url("ours")}/identify`),
  },
  {
    name: "unlimited",
    title: "**hot user**, no limits",
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
    name: "auto-forward",
    title: "**hot user**, forwarding",
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
    name: "auto-1",
    title: "**hot user**, 1 client",
    load: ({ url, keys }) => by(keys.auto, `${url("ours")}/identify`, 1),
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
    name: "auto-many",
    title: "**many users**",
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

/** A load with the headers of every request on Cloudflare. */
function by(key: string | null, url: string, connections = CLIENTS): Omit<Load, "seconds"> {
  const headers = { "CF-Connecting-IP": "203.0.113.9", ...(key === null ? {} : { "X-API-Key": key }) };
  return { url, connections, headers };
}

/** The names of a Worker's isolates. */
export function isolatesOf(worker: string): string[] {
  return [worker, ...FURTHER.map((n) => `${worker}-${n}`)];
}

/**
 * Reads the targets that a service registry lists: Consul's `/v1/health/service/…`, and the HTTP service discovery of Prometheus. Pure.
 *
 * A registry is not the operator: entries that are no plain address of a server are left out, and so is all beyond the bound of a pool.
 */
import * as z from "zod/mini";
import { POOL_DEFAULTS } from "../../policy/pool-defaults.ts";
import { MAX_TARGETS, MAX_WEIGHT, type PoolDocument } from "../../policy/pool-schema.ts";
import { upstreamSchema } from "../../policy/upstream-schema.ts";
import type { TargetAddress } from "./pool-state.ts";

export type DiscoveryDocument = NonNullable<PoolDocument["discover"]>;

/** Entries that are read. */
const MAX_ENTRIES = 1_000;

const list = z.array(z.unknown());
const weight = z.optional(z.number());
const consulEntry = z.object({
  Node: z.optional(z.object({ Address: z.optional(z.string()) })),
  Service: z.object({
    /** Empty: the node's. */
    Address: z.optional(z.string()),
    Port: z.int().check(z.gte(1), z.lte(65_535)),
    Weights: z.optional(z.object({ Passing: weight, Warning: weight })),
  }),
  Checks: z.optional(z.array(z.object({ Status: z.optional(z.string()) }))),
});
const httpEntry = z.object({
  targets: z.array(z.string()),
  labels: z.optional(z.record(z.string(), z.unknown())),
});

/** The targets of a list, by their URLs; null if it names none or is not such a list. */
export function discoveredTargets(
  answer: unknown,
  { format, scheme = POOL_DEFAULTS.discover.scheme }: DiscoveryDocument,
): readonly TargetAddress[] | null {
  const entries = list.safeParse(answer);
  if (!entries.success) return null;
  const read = format === "consul" ? consulTargets : httpTargets;
  const found = new Map<string, TargetAddress>();
  for (const entry of entries.data.slice(0, MAX_ENTRIES)) {
    for (const target of read(entry, scheme)) if (isPlain(target.url)) found.set(target.url, target);
  }
  // In the same order in all isolates, whatever the registry's.
  const targets = [...found.values()].toSorted((one, other) => (one.url < other.url ? -1 : 1));
  return targets.length === 0 ? null : targets.slice(0, MAX_TARGETS);
}

function consulTargets(entry: unknown, scheme: string): TargetAddress[] {
  const parsed = consulEntry.safeParse(entry);
  if (!parsed.success) return [];
  const { Node, Service, Checks = [] } = parsed.data;
  const statuses = new Set(Checks.map(({ Status }) => Status));
  if (statuses.has("critical") || statuses.has("maintenance")) return [];
  const host = Service.Address || Node?.Address || "";
  const weights = Service.Weights;
  const own = (statuses.has("warning") ? weights?.Warning : weights?.Passing) ?? 1;
  return [{ url: `${scheme}://${inUrl(host)}:${Service.Port}`, weight: weightOf(own) }];
}

function httpTargets(entry: unknown, scheme: string): TargetAddress[] {
  const parsed = httpEntry.safeParse(entry);
  if (!parsed.success) return [];
  const { targets, labels = {} } = parsed.data;
  const own = labels["__scheme__"];
  const used = own === "http" || own === "https" ? own : scheme;
  return targets.map((target) => ({ url: `${used}://${target}`, weight: 1 }));
}

/** A weight of 0 in a list stands for a target that should get next to nothing. */
function weightOf(listed: number): number {
  return Math.min(MAX_WEIGHT, Math.max(1, Math.round(listed)));
}

function inUrl(host: string): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
}

/** Whether it is scheme, host and port alone. */
function isPlain(url: string): boolean {
  const parsed = upstreamSchema.safeParse(url).success ? URL.parse(url) : null;
  return parsed !== null && parsed.pathname === "/" && !url.includes("\\") && parsed.port !== "0";
}

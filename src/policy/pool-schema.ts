/**
 * `upstreams` of a policy document: pools of upstreams that routes share (docs/pools.md). Checks each field by itself; pool-faults.ts finds
 * the faults between fields. Defaults are in pool-defaults.ts.
 */
import * as z from "zod/mini";
import { boundedRecord } from "../bounded-record.ts";
import { name } from "./scalars.ts";
import { upstreamSchema } from "./upstream-schema.ts";

/** More pools would be a mistake. */
const MAX_POOLS = 32;
/** Of one pool. Every choice of a target looks at each of them. */
export const MAX_TARGETS = 16;
export const MAX_WEIGHT = 100;

const whole = (min: number, max: number) => z.optional(z.int().check(z.gte(min), z.lte(max)));

export const poolTarget = z.strictObject({
  url: upstreamSchema,
  /** Its share, compared with those of the others. Default: 1. */
  weight: whole(1, MAX_WEIGHT),
});

/** Where the targets are listed, in place of `targets`. */
export const poolDiscovery = z.strictObject({
  url: z
    .string()
    .check(z.maxLength(2_048), z.regex(/^https?:\/\/[^\s/?#@]+([/?][^\s#]*)?$/, "must be an http(s) URL")),
  /** Consul's `/v1/health/service/…`, or the HTTP service discovery of Prometheus. */
  format: z.enum(["consul", "http_sd"]),
  everySeconds: whole(5, 3_600),
  /** Of targets for which the list names none. */
  scheme: z.optional(z.enum(["https", "http"])),
});

export const poolRetry = z.strictObject({
  /** Tries after the first. 0: none. */
  attempts: whole(0, 5),
  on: z.optional(
    z.array(z.union([z.enum(["connect", "timeout"]), z.literal([502, 503, 504])])).check(z.maxLength(5)),
  ),
  /** Retries as a share of the pool's requests. */
  budget: z.optional(z.number().check(z.gte(0), z.lte(1))),
  /** Deadline of a try that another can follow. */
  tryTimeoutMs: whole(1, 300_000),
});

/** Failures in a row that eject a target, and the time between probes. */
export const poolEjection = z.strictObject({ failures: whole(1, 1_000), forMs: whole(100, 600_000) });

/** How an ejected target is asked whether it works again. */
export const poolProbe = z.strictObject({
  path: z.string().check(z.maxLength(256), z.regex(/^\/[^\s#]*$/, "must be a path")),
  timeoutMs: whole(1, 10_000),
});

export const pool = z
  .strictObject({
    targets: z.optional(z.array(poolTarget).check(z.minLength(1), z.maxLength(MAX_TARGETS))),
    discover: z.optional(poolDiscovery),
    balance: z.optional(z.enum(["round-robin", "least-requests", "user"])),
    retry: z.optional(poolRetry),
    eject: z.optional(poolEjection),
    probe: z.optional(poolProbe),
  })
  .check(
    z.refine(({ targets, discover }) => (targets === undefined) !== (discover === undefined), {
      error: "must have either `targets` or `discover`",
    }),
  );

export const upstreams = boundedRecord(name, pool, MAX_POOLS, `has too many pools (at most ${MAX_POOLS})`);

export type PoolDocument = z.infer<typeof pool>;

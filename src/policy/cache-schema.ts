/**
 * `cache` of a route, as a policy document has it: responses that the edge keeps and sends again (docs/cache.md). cache-faults.ts checks
 * what lies between fields.
 */
import * as z from "zod/mini";

/** 30 days. The store evicts what is not asked for long before. */
const MAX_SECONDS = 2_592_000;
/** Each header multiplies the responses that must be stored. */
const MAX_HEADERS = 16;
const MAX_QUERY = 64;
const MAX_STATUSES = 32;

const seconds = z.int().check(z.gte(0), z.lte(MAX_SECONDS));

export const cache = z.strictObject({
  /** For how long a response is fresh at most. */
  ttlSeconds: z.int().check(z.gte(1), z.lte(MAX_SECONDS)),
  /** For how long one is fresh that does not say it itself; 0: it is not stored. Default: `ttlSeconds`. */
  defaultTtlSeconds: z.optional(seconds),
  /** For how long a stale response is sent while a new one is fetched. Default: 0. */
  staleWhileRevalidateSeconds: z.optional(seconds),
  /** For how long a stale response is sent if the upstream fails. Default: 0. */
  staleIfErrorSeconds: z.optional(seconds),
  /** Who gets the same response. The upstream learns no more of the caller than this. Default: user. */
  share: z.optional(z.enum(["all", "tier", "user"])),
  /** What the upstream gets of a request beside its path, and what responses may depend on. */
  vary: z.optional(
    z.strictObject({
      /** Names of request headers. Default: none. */
      headers: z.optional(
        z
          .array(z.string().check(z.regex(/^[A-Za-z0-9-]{1,64}$/, "must be the name of a header")))
          .check(z.maxLength(MAX_HEADERS)),
      ),
      /** Names of query parameters. Default: the whole query. */
      query: z.optional(
        z.array(z.string().check(z.minLength(1), z.maxLength(128))).check(z.maxLength(MAX_QUERY)),
      ),
    }),
  ),
  /** Statuses to store. Default: 200, 301 and 308. */
  statuses: z.optional(
    z.array(z.int().check(z.gte(200), z.lte(599))).check(z.minLength(1), z.maxLength(MAX_STATUSES)),
  ),
});

export type CacheDocument = z.infer<typeof cache>;

/** Purges of cached responses: response schema and texts. */
import * as z from "zod/mini";
import { about, named } from "../annotations.ts";
import { answer, type OperationNotes } from "../notes.ts";
import { count, moment, words } from "../scalars.ts";

export const purgeSchema = named(
  "CachePurge",
  "A purge of cached responses.",
  z.strictObject({
    generation: count("The number of the purge. Responses that were stored before it are not served again."),
    published: about(
      "Whether KV has it already; if not, it follows within a second, or as soon as KV accepts it.",
      z.boolean(),
    ),
  }),
);
export type PurgeResponse = z.infer<typeof purgeSchema>;

const purgeCache: OperationNotes = {
  tag: "Policy",
  summary: "Purge cached responses of some routes, or of all",
  description:
    "Applies here at once and everywhere within a minute; it is not undone by a rollback of the policy. Send either `routes` or `all`. Purges within a second reach the other locations together. Each administrator may make 600 changes per minute, policies included. The list of purges and the log (`cache_purged`) have the administrator and the reason.",
  body: {
    fields: {
      routes:
        "Routes of the policy in force, by their ids, as reports name them, or by a `match` that only one route has.",
      all: "All routes, also those of earlier policies.",
      reason: "Why the cache is purged, for the list of purges and the log.",
    },
    examples: {
      routes: { routes: ["GET /articles/:id"], reason: "Article 12 was corrected" },
      all: { all: true },
    },
  },
  responses: [
    answer(200, "Purged here, and soon everywhere.", purgeSchema, {
      purge: { generation: 3, published: true },
    }),
  ],
};

export const purgesSchema = named(
  "CachePurges",
  "The last purges of cached responses.",
  z.strictObject({
    purges: z.array(
      z.strictObject({
        generation: count("The number of the purge."),
        createdAt: moment("When it was made."),
        actor: words("Who made it."),
        reason: words("Why."),
        routes: about(
          "The first 20 of the purged routes, by id; null: all routes.",
          z.nullable(z.array(z.string())),
        ),
        moreRoutes: count("Further routes of the purge."),
      }),
    ),
  }),
);
export type PurgesResponse = z.infer<typeof purgesSchema>;

const listPurges: OperationNotes = {
  tag: "Policy",
  summary: "The last 50 purges of cached responses, newest first",
  description: "Who made them, when and why.",
  responses: [
    answer(200, "The purges.", purgesSchema, {
      purges: {
        purges: [
          {
            generation: 3,
            createdAt: "2026-11-21T01:27:12.585Z",
            actor: "admin-token",
            reason: "Article 12 was corrected",
            routes: ["GET /articles/:id"],
            moreRoutes: 0,
          },
        ],
      },
    }),
  ],
};

export const PURGE_NOTES = { purgeCache, listPurges };

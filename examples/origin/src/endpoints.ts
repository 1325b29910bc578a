/**
 * The table of all endpoints of this Worker. The router and the list at `/` both use it, so they always agree. Must never
 * contain logic: each row names a handler in another file.
 */
import type { Context } from "hono";
import { batch } from "./batch.ts";
import { compareQuery, compareSides } from "./compare.ts";
import { identifyHeaders, identifyPosted } from "./identify.ts";
import { knownTraits } from "./known-traits.ts";
import { outage } from "./outage.ts";
import { echo, slow, status, stream, webSocketEcho } from "./proxy-probes.ts";

export interface Endpoint {
  readonly methods: readonly string[];
  /** A Hono path pattern. */
  readonly path: string;
  readonly about: string;
  readonly handle: (c: Context) => Response | Promise<Response>;
}

const ANY_WITH_BODY = ["POST", "PUT", "PATCH", "DELETE"];

export const ENDPOINTS: readonly Endpoint[] = [
  {
    methods: ["GET"],
    path: "/identify",
    about: "Fingerprint of this request's headers.",
    handle: identifyHeaders,
  },
  {
    methods: ["POST"],
    path: "/identify",
    about: "Fingerprint of this request's headers, overridden by {traits}.",
    handle: identifyPosted,
  },
  {
    methods: ["GET"],
    path: "/compare",
    about: "Similarity of two user agent strings, ?a= and ?b=.",
    handle: compareQuery,
  },
  {
    methods: ["POST"],
    path: "/compare",
    about: "Similarity of two trait sets, or of two fingerprints: {a, b}.",
    handle: compareSides,
  },
  {
    methods: ["POST"],
    path: "/batch",
    about: "Fingerprints of 1 to 100 trait sets: {items}.",
    handle: batch,
  },
  {
    methods: ["GET"],
    path: "/traits",
    about: "Bits of entropy of each known trait. Caches may store it.",
    handle: knownTraits,
  },
  {
    methods: ["GET"],
    path: "/slow",
    about: "Responds after ?ms= milliseconds, at most 10,000.",
    handle: slow,
  },
  {
    methods: ["GET"],
    path: "/stream",
    about: "Streams ?chunks= lines of text, one every ?intervalMs=.",
    handle: stream,
  },
  {
    methods: ["GET", ...ANY_WITH_BODY],
    path: "/echo",
    about: "Streams the request's body back.",
    handle: echo,
  },
  { methods: ["GET"], path: "/ws", about: "WebSocket that echoes each message.", handle: webSocketEcho },
  {
    methods: ["GET"],
    path: "/status/:code",
    about: "Responds with that status, 200 to 599.",
    handle: status,
  },
  {
    methods: ["POST"],
    path: "/outage",
    about: "Answers everything else with 503 for ?seconds=, at most 300.",
    handle: outage,
  },
];

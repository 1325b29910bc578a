/**
 * What analytics knows of one decision: plain data, made at the edge once a response is known, written by every sink.
 *
 * Sampled and never billed by: bills read the ledger in the users' objects. Holds no key, token, body or path.
 */
import type { DecisionSource } from "../core/decision.ts";

/** `error`: the request was answered by a failure of ours or of the upstream, not by a limit. */
export type PointOutcome = "allowed" | "denied" | "error";

/** Where the decision was made; `none` where none was: exempt, not authenticated, no such route. */
export type PointSource = DecisionSource;

/** The first digit of the upstream's status; `none` where the upstream was not asked. */
export type StatusClass = "1xx" | "2xx" | "3xx" | "4xx" | "5xx" | "none";

export interface Point {
  /** When it was decided, Unix ms. */
  readonly atMs: number;
  /** The subject: `user:<id>` or `ip:<address>`; "" where the caller is not known. */
  readonly account: string;
  /** The policy's id of the route; "" where none matched. */
  readonly route: string;
  /** "" where the caller is not known. */
  readonly tier: string;
  readonly outcome: PointOutcome;
  /** Name of the limit that refused, or `ok`, `exempt`, `blocked`, `revoked`, `unauthenticated`, `upstream_error`, ... */
  readonly reason: string;
  readonly source: PointSource;
  readonly method: string;
  /** Cloudflare's data centre (IATA code); "" off Cloudflare. */
  readonly colo: string;
  /** ISO 3166-1 alpha-2; "" where not known. */
  readonly country: string;
  readonly revision: number;
  /** "" where the request came without a key. */
  readonly keyId: string;
  readonly upstreamStatus: StatusClass;
  readonly requestId: string;
  /** Tokens, of all requests of this point together. Charged only where allowed. */
  readonly cost: number;
  /** What the decision took, ms. */
  readonly limiterMs: number;
  /** What the upstream took to answer, ms; 0 where it was not asked. */
  readonly upstreamMs: number;
  /** Of the tightest limit, slots left out, 0 to 1; 1 if there is none. */
  readonly remainingFraction: number;
  /** 0 where allowed. */
  readonly retryAfterMs: number;
  /** Requests that this point stands for; more than 1 where an isolate puts a run of like ones into one point. */
  readonly requests: number;
}

/** Parses what Analytics Engine's SQL API answers (`FORMAT JSON`): 64-bit integers may be text, and what is no number is null. */
import * as z from "zod/mini";
import { ANSWER, boundName, keyName, levelName } from "./engine-sql.ts";
import { type Aggregation, type Group, LEVELS, type Row } from "./facts.ts";

const number = z.union([
  z.number(),
  z.pipe(
    z.string().check(z.regex(/^-?\d{1,20}(\.\d{1,20})?$/)),
    z.transform((text: string) => Number(text)),
  ),
]);
/** Percentiles of nothing are null. */
const percentile = z.pipe(
  z.nullable(number),
  z.transform((value: number | null) => value ?? 0),
);

export const sqlAnswerSchema = z.object({ data: z.array(z.record(z.string(), z.unknown())) });
export type SqlAnswer = z.infer<typeof sqlAnswerSchema>;

const sums = {
  [ANSWER.requests]: number,
  [ANSWER.allowed]: number,
  [ANSWER.denied]: number,
  [ANSWER.turnedAway]: number,
  [ANSWER.decided]: number,
  [ANSWER.cost]: number,
  [ANSWER.admitted]: number,
  [ANSWER.sampled]: number,
};
const sumsSchema = z.object(sums);
const numbersSchema = z.array(number);
const percentilesSchema = z.tuple([percentile, percentile, percentile]);
const textsSchema = z.array(z.string());

/** @throws ZodError where the rows are not what the aggregation asks for. */
export function parseGroups(
  { data }: SqlAnswer,
  { by, intervalMs, latency, boundsMs }: Aggregation,
): Group[] {
  return data.flatMap((row): Group[] => {
    const found = sumsSchema.parse(row);
    // A sum over no rows is a row nevertheless.
    if (found[ANSWER.sampled] === 0) return [];
    const { n_requests: requests, n_allowed: allowed, n_denied: denied, n_turned_away: turnedAway } = found;
    const decided = found[ANSWER.decided];
    return [
      {
        atMs: intervalMs === null ? null : number.parse(row[ANSWER.at]) * 1_000,
        keys: textsSchema.parse(by.map((_name, i) => row[keyName(i)])),
        requests,
        allowed,
        denied,
        turnedAway,
        errors: requests - allowed - denied - turnedAway,
        decided,
        cost: found[ANSWER.cost],
        admitted: found[ANSWER.admitted],
        percentiles:
          latency && decided > 0
            ? percentilesSchema.parse(LEVELS.map((_level, i) => row[levelName(i)]))
            : null,
        atMost: numbersSchema.parse(boundsMs.map((_bound, i) => row[boundName(i)])),
        sampled: found[ANSWER.sampled] > 1,
      },
    ];
  });
}

const text = z.string();
const rowSchema = z.object({
  [ANSWER.at]: number,
  [ANSWER.sampled]: number,
  f_account: text,
  f_route: text,
  f_tier: text,
  f_outcome: z.enum(["allowed", "denied", "error"]),
  f_reason: text,
  f_source: z.enum(["strict", "lease", "deny-cache", "fallback", "none"]),
  f_method: text,
  f_colo: text,
  f_country: text,
  f_revision: number,
  f_keyId: text,
  f_upstreamStatus: z.enum(["1xx", "2xx", "3xx", "4xx", "5xx", "none"]),
  f_requestId: text,
  f_cost: number,
  f_limiterMs: number,
  f_upstreamMs: number,
  f_remainingFraction: number,
  f_retryAfterMs: number,
  f_requests: number,
});

/** @throws ZodError where the rows are not lines of the log. */
export function parseRows({ data }: SqlAnswer): Row[] {
  return data.map((answered): Row => {
    const row = rowSchema.parse(answered);
    return {
      atMs: row[ANSWER.at] * 1_000,
      account: row.f_account,
      route: row.f_route,
      tier: row.f_tier,
      outcome: row.f_outcome,
      reason: row.f_reason,
      source: row.f_source,
      method: row.f_method,
      colo: row.f_colo,
      country: row.f_country,
      revision: row.f_revision,
      keyId: row.f_keyId,
      upstreamStatus: row.f_upstreamStatus,
      requestId: row.f_requestId,
      cost: row.f_cost,
      limiterMs: row.f_limiterMs,
      upstreamMs: row.f_upstreamMs,
      remainingFraction: row.f_remainingFraction,
      retryAfterMs: row.f_retryAfterMs,
      requests: row.f_requests,
      weight: row[ANSWER.sampled],
    };
  });
}

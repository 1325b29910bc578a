/** Rows of a seeded random mix: several tiers, sampled and whole rows, many ties, and texts that want to be code. */
import type { Row } from "../../src/analytics/reports/facts.ts";
import { EMPTY_POINT } from "../metrics/points.ts";
import { scaledMs } from "../../src/analytics/reports/latency-scale.ts";

/** Whole seconds, as Analytics Engine's timestamps are. */
export const START_MS = Date.UTC(2026, 10, 20, 10, 58, 30);
export const SPAN_S = 7_200;

export const HOSTILE = [
  "'; DROP TABLE points; --",
  "\\",
  "\\'",
  "it''s \"quoted\" `so`",
  "line\nbreak\r\n\ttab\b\f",
  "nul\0inside",
  "{{x}} ${y} %s ?1 :a @b /* */ #",
  "\u{1f680} über \uffee \u202e",
  "",
  "x".repeat(10_240),
];

/** As many units as a policy may have. Some names contain others. */
const ALL_UNITS = ["a", "b", "c", "my-tokens", "row", "rows", "tokens", "tokens_2"];
/** Costs in units: none, one at different places, and all. */
const UNITS: readonly ((random: () => number) => string)[] = [
  () => "",
  (random) => `tokens=${Math.floor(random() * 5_000_000) / 1_000}`,
  (random) => `rows=2;tokens=${Math.floor(random() * 5_000)}`,
  (random) => `my-tokens=3;row=1;tokens_2=${random() < 0.5 ? 0.001 : 1e9}`,
  () => ALL_UNITS.map((unit, i) => `${unit}=${i + 0.5}`).join(";"),
];

/** A seeded generator of numbers from 0 to 1 (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function pick<T>(random: () => number, values: readonly T[]): T {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new Error("nothing to pick");
  return value;
}

/** @param accounts how many there are; a few of them make most requests. */
export function randomRows(seed: number, count: number, accounts = 60): Row[] {
  const random = randomOf(seed);
  const texts = HOSTILE.map((text) => text.slice(0, 512));
  return Array.from({ length: count }, (_, i): Row => {
    const outcome = pick(random, ["allowed", "allowed", "allowed", "denied", "error"] as const);
    const account = Math.floor(random() ** 3 * accounts);
    const reasons = {
      allowed: ["ok", "exempt"],
      denied: ["minute", "month", texts[3] ?? "", "blocked", "not_found"],
      error: ["upstream_error", "upstream_timeout", "temporary_reduced_capacity"],
    };
    return {
      ...EMPTY_POINT,
      atMs: START_MS + Math.floor(random() * SPAN_S) * 1_000,
      // Analytics Engine keeps 96 bytes of it. Some callers are not known.
      account:
        random() < 0.1
          ? ""
          : account < HOSTILE.length
            ? `user:${texts[account]?.slice(0, 80)}`
            : `${account % 10 === 9 ? "ip" : "user"}:${account}`,
      route: pick(random, ["/identify", "/reports/*", texts[4] ?? "", texts[8] ?? "", texts[9] ?? ""]),
      tier: pick(random, ["free", "free", "pro", "enterprise", texts[0] ?? "", "anonymous"]),
      outcome,
      reason: pick(random, reasons[outcome]),
      source: pick(random, ["strict", "lease", "deny-cache", "fallback", "none"] as const),
      method: pick(random, ["GET", "POST"]),
      limits: pick(random, ["minute=0.5/150;month=7/50000", "none", ""]),
      upstreamCode: pick(random, [200, 404, 0]),
      colo: pick(random, ["FRA", "IAD", ""]),
      country: pick(random, ["DE", "US"]),
      revision: Math.floor(random() * 3),
      keyId: pick(random, ["", "key-1", "key-2", texts[1] ?? ""]),
      upstreamStatus: pick(random, ["2xx", "5xx", "none"] as const),
      // Some share one, as the items of a batch do.
      requestId: random() < 0.1 ? "batch" : `request-${seed}-${i}`,
      otherRequestIds: random() < 0.8 ? "" : ` request-${seed}-${i}-2 ${random() < 0.5 ? "" : "shared "}`,
      cost: Math.floor(random() * 5_000) / 1_000,
      limiterMs: scaledMs(random() < 0.3 ? Math.floor(random() * 5) : random() ** 4 * 3_000),
      upstreamMs: scaledMs(random() * 500),
      remainingFraction: Math.floor(random() * 1_000) / 1_000,
      retryAfterMs: outcome === "denied" ? Math.floor(random() * 60_000) : 0,
      requests: random() < 0.9 ? 1 : 1 + Math.floor(random() * 20),
      shadowed: outcome === "denied" ? "" : pick(random, ["", "", "", "minute", "day", "minute;day"]),
      units: pick(random, UNITS)(random),
      weight: random() < 0.7 ? 1 : 2 ** Math.floor(random() * 6),
    };
  });
}

/** envoy.service.ratelimit.v3.RateLimitResponse, as protobuf and as proto3's JSON. Pure. */
import { type Decision, isUncapped, type LimitView } from "../../core/decision.ts";
import { DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS } from "../../core/time.ts";
import { secondsOf } from "../../edge/problem.ts";
import { limitTexts } from "../../edge/rate-limit-headers.ts";
import { MessageWriter } from "./wire-format.ts";

const OK = 1;
const OVER_LIMIT = 2;
const CODES = { [OK]: "OK", [OVER_LIMIT]: "OVER_LIMIT" } as const;
type Code = keyof typeof CODES;

const MAX_UINT32 = 2 ** 32 - 1;
/** Of the enum `Unit`, ascending. A month and a year are as long as a quota's window says: about this. */
const UNITS = [
  { code: 1, name: "SECOND", ms: SECOND_MS },
  { code: 2, name: "MINUTE", ms: MINUTE_MS },
  { code: 3, name: "HOUR", ms: HOUR_MS },
  { code: 4, name: "DAY", ms: DAY_MS },
  { code: 5, name: "MONTH", ms: 28 * DAY_MS },
] as const;

interface CurrentLimit {
  readonly name: string;
  readonly requestsPerUnit: number;
  readonly unit: (typeof UNITS)[number];
}

export interface DescriptorStatus {
  readonly code: Code;
  /** The limit that denied the descriptor, else the one with the smallest share left; null: none limits it. */
  readonly limit: CurrentLimit | null;
  readonly remaining: number;
  /** Until a denied descriptor passes, or else until the limit is full again. */
  readonly resetMs: number;
}

export interface RateLimitResponse {
  readonly code: Code;
  readonly statuses: readonly DescriptorStatus[];
  /** For the client, in lower case as HTTP/2 has them. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

/** A descriptor that nothing limits, and one that is rejected although no limit says so. */
export const UNLIMITED: DescriptorStatus = { code: OK, limit: null, remaining: 0, resetMs: 0 };
export const REJECTED: DescriptorStatus = { ...UNLIMITED, code: OVER_LIMIT };

export function statusOf(decision: Decision): DescriptorStatus {
  const { allowed, limits, violated, retryAfterMs } = decision;
  const code = allowed ? OK : OVER_LIMIT;
  const denying = limits.find(({ name }) => violated.includes(name));
  const limit = denying ?? tightestOf(limits);
  if (limit === null) return { ...UNLIMITED, code, resetMs: retryAfterMs ?? 0 };
  return {
    code,
    limit: currentLimit(limit),
    remaining: uint32(limit.remaining),
    resetMs: allowed ? limit.resetMs : (retryAfterMs ?? limit.resetMs),
  };
}

/** @param decisions one for each status; null: none was made. */
export function responseOf(
  statuses: readonly DescriptorStatus[],
  decisions: readonly (Decision | null)[],
): RateLimitResponse {
  const isOver = statuses.some(({ code }) => code === OVER_LIMIT);
  return { code: isOver ? OVER_LIMIT : OK, statuses, headers: headersOf(decisions) };
}

/** Of the decision that matters most to the client: the denial that lasts longest, or else the one with the smallest share left. */
function headersOf(decisions: readonly (Decision | null)[]): [string, string][] {
  const made = decisions.filter((decision) => decision !== null);
  const denied = made.filter(({ allowed }) => !allowed);
  const [first] =
    denied.length > 0
      ? denied.toSorted((a, b) => waitOf(b) - waitOf(a))
      : made.filter(({ limits }) => limits.length > 0).toSorted((a, b) => shareOf(a) - shareOf(b));
  if (!first) return [];
  const { policy, left } = limitTexts(first.limits);
  const headers: [string, string][] = [];
  if (policy !== "") headers.push(["ratelimit-policy", policy], ["ratelimit", left]);
  if (!first.allowed && first.retryAfterMs !== null) {
    headers.push(["retry-after", String(secondsOf(first.retryAfterMs))]);
  }
  return headers;
}

function waitOf({ retryAfterMs }: Decision): number {
  return retryAfterMs ?? Infinity;
}

function shareOf({ limits }: Decision): number {
  const limit = tightestOf(limits);
  return limit === null ? 1 : limit.remaining / limit.limit;
}

/** Slots left out, since they return at any time. */
function tightestOf(limits: readonly LimitView[]): LimitView | null {
  let tightest: LimitView | null = null;
  for (const limit of limits) {
    if (limit.kind === "concurrency" || isUncapped(limit)) continue;
    if (tightest === null || limit.remaining / limit.limit < tightest.remaining / tightest.limit) {
      tightest = limit;
    }
  }
  return tightest;
}

/** As a rate: of the shortest unit in which it is a whole number. A bucket with a burst so has its rate, not its capacity. */
function currentLimit({ name, kind, limit, windowMs }: LimitView): CurrentLimit | null {
  if (kind === "concurrency") return null;
  if (kind === "quota") {
    const unit = UNITS.findLast(({ ms }) => ms <= windowMs) ?? UNITS[0];
    return { name, requestsPerUnit: uint32(limit), unit };
  }
  const per = (ms: number): number => (limit * ms) / windowMs;
  const isWhole = (amount: number): boolean => amount >= 1 && Math.abs(amount - Math.round(amount)) < 1e-6;
  const unit = UNITS.find(({ ms }) => isWhole(per(ms))) ?? UNITS[3];
  return { name, requestsPerUnit: uint32(per(unit.ms) + 1e-6), unit };
}

function uint32(amount: number): number {
  return Math.min(MAX_UINT32, Math.max(0, Math.floor(amount)));
}

export function encodeResponse({ code, statuses, headers }: RateLimitResponse): Uint8Array<ArrayBuffer> {
  const message = new MessageWriter().varint(1, code);
  for (const status of statuses) message.message(2, encodeStatus(status));
  for (const [name, value] of headers) message.message(3, new MessageWriter().text(1, name).text(2, value));
  return message.bytes();
}

function encodeStatus({ code, limit, remaining, resetMs }: DescriptorStatus): MessageWriter {
  const message = new MessageWriter().varint(1, code);
  if (limit !== null) {
    const { name, requestsPerUnit, unit } = limit;
    message.message(2, new MessageWriter().varint(1, requestsPerUnit).varint(2, unit.code).text(3, name));
  }
  message.varint(3, remaining);
  if (resetMs > 0) {
    const [seconds, nanos] = [Math.floor(resetMs / 1_000), Math.round((resetMs % 1_000) * 1_000_000)];
    message.message(4, new MessageWriter().varint(1, seconds).varint(2, nanos));
  }
  return message;
}

/** proto3's JSON: enums by name, durations as seconds with an `s`. */
export function jsonResponse({ code, statuses, headers }: RateLimitResponse): RateLimitJson {
  return {
    overallCode: CODES[code],
    statuses: statuses.map(({ code: own, limit, remaining, resetMs }) => ({
      code: CODES[own],
      ...(limit === null
        ? {}
        : {
            currentLimit: {
              name: limit.name,
              requestsPerUnit: limit.requestsPerUnit,
              unit: limit.unit.name,
            },
            limitRemaining: remaining,
          }),
      ...(resetMs > 0 ? { durationUntilReset: `${resetMs / 1_000}s` } : {}),
    })),
    responseHeadersToAdd: headers.map(([key, value]) => ({ key, value })),
  };
}

export interface RateLimitJson {
  readonly overallCode: (typeof CODES)[Code];
  readonly statuses: readonly {
    readonly code: (typeof CODES)[Code];
    readonly currentLimit?: {
      readonly name: string;
      readonly requestsPerUnit: number;
      readonly unit: (typeof UNITS)[number]["name"];
    };
    readonly limitRemaining?: number;
    readonly durationUntilReset?: string;
  }[];
  readonly responseHeadersToAdd: readonly { readonly key: string; readonly value: string }[];
}

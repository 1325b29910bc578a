/**
 * The messages of Envoy's rate limit service: read as Envoy writes them, and nothing else is taken for one. Bytes are written down or built
 * by a second, naive encoder, never by the code under test.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decisionOf, type LimitView } from "../../src/core/decision.ts";
import {
  fromJson,
  MAX_DESCRIPTORS,
  MAX_ENTRIES,
  rateLimitRequestSchema,
  readRateLimitRequest,
} from "../../src/proxies/envoy/rate-limit-request.ts";
import {
  encodeResponse,
  jsonResponse,
  REJECTED,
  responseOf,
  statusOf,
  UNLIMITED,
} from "../../src/proxies/envoy/rate-limit-response.ts";
import { readFields, readText } from "../../src/proxies/envoy/wire-format.ts";

const bytesOf = (text: string): number[] => [...new TextEncoder().encode(text)];

function varint(value: bigint): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return [...bytes, Number(rest)];
    bytes.push(Number(rest & 127n) | 128);
  }
}

const sized = (number: number, bytes: readonly number[]): number[] => [
  ...varint(BigInt(number * 8 + 2)),
  ...varint(BigInt(bytes.length)),
  ...bytes,
];
const text = (number: number, value: string): number[] => sized(number, bytesOf(value));
const whole = (number: number, value: bigint): number[] => [...varint(BigInt(number * 8)), ...varint(value)];
const entry = (key: string, value: string): number[] => sized(1, [...text(1, key), ...text(2, value)]);
const descriptor = (...fields: number[][]): number[] => sized(2, fields.flat());
const read = (...fields: number[][]) => readRateLimitRequest(Uint8Array.from(fields.flat()));

describe("a request", () => {
  it("is read as Envoy writes it", () => {
    // The domain "edge", one descriptor with the entry user=alice and a UInt64Value of 0, hits_addend 3.
    const written = "0a046564676512110a0d0a04757365721205616c6963651a001803";
    const bytes = Uint8Array.from(written.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16));
    expect(readRateLimitRequest(bytes)).toEqual({
      descriptors: [{ entries: [{ key: "user", value: "alice" }], hits: 0, isRefund: false }],
      hits: 3,
    });
  });

  it("may have hits of its own in a descriptor, and an empty body is a request for nothing", () => {
    const own = descriptor(entry("user", "a"), sized(3, whole(1, 7n)));
    const refund = descriptor(entry("user", "a"), whole(4, 1n));
    expect(read(own, refund)).toEqual({
      descriptors: [
        { entries: [{ key: "user", value: "a" }], hits: 7, isRefund: false },
        { entries: [{ key: "user", value: "a" }], hits: null, isRefund: true },
      ],
      hits: null,
    });
    expect(read()).toEqual({ descriptors: [], hits: null });
  });

  it("ignores fields that it does not know, of every kind, and the last of a field counts", () => {
    const unknown = [
      whole(99, 2n ** 63n),
      text(98, "x"),
      [...varint(97n * 8n + 1n), 1, 2, 3, 4, 5, 6, 7, 8],
      [...varint(96n * 8n + 5n), 1, 2, 3, 4],
    ];
    expect(read(...unknown, whole(3, 1n), whole(3, 2n))).toEqual({ descriptors: [], hits: 2 });
  });

  it.each<[string, number[]]>([
    ["a truncated varint", [0x18, 0x80]],
    ["a varint of eleven bytes", [0x18, ...Array<number>(10).fill(0x80), 0x01]],
    ["a varint above 64 bits", [0x18, ...Array<number>(9).fill(0xff), 0x02]],
    ["a tag alone", [0x12]],
    ["a length beyond the end", [0x12, 0x05, 0x0a]],
    ["a huge length", [0x12, ...varint(2n ** 62n), 0x0a]],
    ["a length of 64 bits", [0x12, ...Array<number>(9).fill(0xff), 0x01]],
    ["the field 0", [0x00, 0x00]],
    ["a field number above 29 bits", [...varint(2n ** 40n), 0x00]],
    ["a group", [0x13, 0x14]],
    ["the end of a group", [0x14]],
    ["wire type 6", [0x16]],
    ["wire type 7", [0x17]],
    ["a truncated number of 64 bits", [...varint(97n * 8n + 1n), 1, 2, 3]],
    ["a truncated number of 32 bits", [...varint(97n * 8n + 5n), 1]],
    ["a domain that is a number", whole(1, 1n)],
    ["a descriptor that is a number", whole(2, 1n)],
    ["hits that are bytes", text(3, "3")],
    ["hits of a descriptor that are no message", descriptor(whole(3, 1n))],
    ["hits of a descriptor with bytes in them", descriptor(sized(3, text(1, "x")))],
    ["an entry that is a number", descriptor(whole(1, 1n))],
    ["a key that is a number", descriptor(sized(1, whole(1, 1n)))],
    ["a key that is not UTF-8", descriptor(sized(1, sized(1, [0xff])))],
    ["a value with half a surrogate", descriptor(sized(1, sized(2, [0xed, 0xa0, 0x80])))],
    ["too many descriptors", Array.from({ length: MAX_DESCRIPTORS + 1 }, () => descriptor()).flat()],
    ["too many entries", descriptor(...Array.from({ length: MAX_ENTRIES + 1 }, () => entry("a", "b")))],
  ])("is none with %s", (_what, bytes) => {
    expect(readRateLimitRequest(Uint8Array.from(bytes))).toBeNull();
  });

  it("of any kind is read as it was built, in protobuf and in JSON", () => {
    const name = fc.string({ unit: "grapheme", maxLength: 20 });
    const request = fc.record({
      hits: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      descriptors: fc.array(
        fc.record({
          entries: fc.array(fc.record({ key: name, value: name }), { maxLength: 5 }),
          hits: fc.option(fc.maxSafeInteger().map(Math.abs)),
          isRefund: fc.boolean(),
        }),
        { maxLength: 5 },
      ),
    });
    fc.assert(
      fc.property(request, ({ hits, descriptors }) => {
        const built = descriptors.map(({ entries, hits: own, isRefund }) =>
          descriptor(
            ...entries.map(({ key, value }) => entry(key, value)),
            own === null ? [] : sized(3, whole(1, BigInt(own))),
            isRefund ? whole(4, 1n) : [],
          ),
        );
        expect(read(...built, whole(3, BigInt(hits)))).toEqual({ descriptors, hits });
        const json: unknown = {
          hitsAddend: hits,
          descriptors: descriptors.map(({ entries, hits: own, isRefund }) => ({
            entries,
            ...(own === null ? {} : { hitsAddend: own < 1e15 ? String(own) : own }),
            isNegativeHits: isRefund,
          })),
        };
        expect(fromJson(rateLimitRequestSchema.parse(json))).toEqual({ descriptors, hits });
      }),
    );
  });

  it("is never more than its bytes: random ones, and damaged ones, neither throw nor hang", () => {
    const whole64 = [...text(1, "edge"), ...descriptor(entry("user", "alice"), entry("route", "/compare"))];
    const damaged = fc
      .array(fc.tuple(fc.nat(whole64.length - 1), fc.nat(255)), { maxLength: 4 })
      .map((changes) => {
        const bytes = [...whole64];
        for (const [at, byte] of changes) bytes[at] = byte;
        return Uint8Array.from(bytes);
      });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), damaged), (bytes) => {
        const found = readRateLimitRequest(bytes);
        expect((found?.descriptors.length ?? 0) * 2).toBeLessThanOrEqual(bytes.length);
      }),
      { numRuns: 2_000 },
    );
    for (let length = 0; length < whole64.length; length++) {
      const isEnd = length === 0 || length === text(1, "edge").length;
      expect(readRateLimitRequest(Uint8Array.from(whole64.slice(0, length))) !== null).toBe(isEnd);
    }
  });
});

const BUCKET: LimitView = {
  name: "minute",
  kind: "bucket",
  limit: 150,
  remaining: 12.5,
  resetMs: 1_500,
  windowMs: 90_000,
};
const QUOTA: LimitView = {
  name: "month",
  kind: "quota",
  limit: 50_000,
  remaining: 49_999,
  resetMs: 86_400_000,
  windowMs: 30 * 86_400_000,
};
const BY = { tier: "free", revision: 1 };
const ALLOWED = decisionOf(BY, "strict", "id", 1_000, "allowed", [BUCKET, QUOTA]);
const DENIED = decisionOf(BY, "strict", "id", 1_000, "denied", [BUCKET, QUOTA], 2_300, ["month"]);

describe("a response", () => {
  it("has the bytes that Envoy reads", () => {
    const statuses = [statusOf(ALLOWED)];
    const status = [
      ...whole(1, 1n),
      // 150 in 90 s are 100 a minute.
      ...sized(2, [...whole(1, 100n), ...whole(2, 2n), ...text(3, "minute")]),
      ...whole(3, 12n),
      ...sized(4, [...whole(1, 1n), ...whole(2, 500_000_000n)]),
    ];
    const header = (name: string, value: string): number[] => sized(3, [...text(1, name), ...text(2, value)]);
    expect([...encodeResponse(responseOf(statuses, [ALLOWED]))]).toEqual([
      ...whole(1, 1n),
      ...sized(2, status),
      ...header("ratelimit-policy", '"minute";q=150;w=90, "month";q=50000;w=2592000'),
      ...header("ratelimit", '"minute";r=12;t=2, "month";r=49999;t=86400'),
    ]);
  });

  it("is over the limit if one descriptor is, names the limit that denied it, and says when to retry", () => {
    const statuses = [statusOf(ALLOWED), statusOf(DENIED), UNLIMITED, REJECTED];
    expect(jsonResponse(responseOf(statuses, [ALLOWED, DENIED, null, null]))).toEqual({
      overallCode: "OVER_LIMIT",
      statuses: [
        expect.objectContaining({ code: "OK", limitRemaining: 12 }),
        {
          code: "OVER_LIMIT",
          currentLimit: { name: "month", requestsPerUnit: 50_000, unit: "MONTH" },
          limitRemaining: 49_999,
          durationUntilReset: "2.3s",
        },
        { code: "OK" },
        { code: "OVER_LIMIT" },
      ],
      responseHeadersToAdd: [
        expect.objectContaining({ key: "ratelimit-policy" }),
        expect.objectContaining({ key: "ratelimit" }),
        { key: "retry-after", value: "3" },
      ],
    });
  });

  it.each<[string, Partial<LimitView>, string]>([
    ["10 a second", { limit: 10, windowMs: 1_000 }, "10 SECOND"],
    ["1,000 a minute with a burst", { limit: 1_500, windowMs: 90_000 }, "1000 MINUTE"],
    ["5 a minute", { limit: 5, windowMs: 60_000 }, "5 MINUTE"],
    ["100 an hour with a burst", { limit: 150, windowMs: 5_400_000 }, "100 HOUR"],
    ["500 a day", { limit: 500, windowMs: 86_400_000 }, "500 DAY"],
    ["more than a number of 32 bits", { limit: 1e12, windowMs: 1_000 }, `${2 ** 32 - 1} SECOND`],
    ["a quota of an hour", { kind: "quota", limit: 7, windowMs: 3_600_000 }, "7 HOUR"],
    ["a quota of a February", { kind: "quota", limit: 7, windowMs: 28 * 86_400_000 }, "7 MONTH"],
  ])("names the rate of %s", (_what, changes, expected) => {
    const { limit } = statusOf(decisionOf(BY, "strict", "id", 1_000, "allowed", [{ ...BUCKET, ...changes }]));
    expect(`${limit?.requestsPerUnit} ${limit?.unit.name}`).toBe(expected);
  });

  it("is a message, whatever its numbers", () => {
    const view = fc.record({
      name: fc.constant("a"),
      kind: fc.constantFrom("bucket" as const, "quota" as const, "concurrency" as const),
      limit: fc.double({ min: 0.001, max: 1e12, noNaN: true }),
      remaining: fc.double({ min: 0, max: 1e12, noNaN: true }),
      resetMs: fc.nat(2_678_400_000),
      windowMs: fc.integer({ min: 1, max: 2_678_400_000 }),
    });
    fc.assert(
      fc.property(fc.array(view, { maxLength: 4 }), fc.boolean(), (limits, isAllowed) => {
        const outcome = isAllowed ? "allowed" : "denied";
        const decision = decisionOf(BY, "strict", "id", 1_000, outcome, limits, isAllowed ? 0 : null, ["a"]);
        const fields = readFields(encodeResponse(responseOf([statusOf(decision)], [decision])));
        expect(fields?.[0]).toEqual({ number: 1, kind: "varint", value: isAllowed ? 1 : 2 });
        for (const field of fields ?? []) {
          if (field.kind === "bytes") expect(readFields(field.value)).not.toBeNull();
        }
      }),
    );
    expect(readText(Uint8Array.of(0xc3, 0xa9))).toBe("\u00e9");
  });
});

/** The format of a key: random, checkable without I/O, stored as a hash only. The expected checksums come from zlib. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  generateApiKey,
  hashApiKey,
  isWellFormedApiKey,
  looksLikeApiKey,
  mayBeImportedKey,
} from "../../src/identity/api-key.ts";
import { crc32 } from "../../src/identity/crc32.ts";

const ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/** Keys from the real generator: fast-check neither seeds nor shrinks them. */
const keys = fc.constantFrom("live" as const, "test" as const).map(generateApiKey);

describe("the checksum", () => {
  it.each([
    ["", 0x00000000],
    ["123456789", 0xcbf43926],
    ["The quick brown fox jumps over the lazy dog", 0x414fa339],
    ["\u0000\u0000\u0000\u0000", 0x2144df1c],
  ])("is the standard CRC-32: %j", (text, sum) => {
    expect(crc32(text)).toBe(sum);
  });

  it.each([
    "el_live_0000000000000000000000000000002C8GjS",
    "el_test_abcdefghijklmnopqrstuvwxyz01232LolCm",
    "el_live_ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ3EAd4B",
    "el_test_drrYjTdd6emrCGjTGYv3HF2s7u0rih00gEpD",
  ])("is six base62 digits, padded with zeros: %s", (key) => {
    expect(isWellFormedApiKey(key)).toBe(true);
  });

  it("catches every single wrong character", () => {
    const typo = fc.record({
      key: keys,
      at: fc.integer({ min: 0, max: 43 }),
      by: fc.oneof(fc.constantFrom(...ALPHABET), fc.string({ minLength: 1, maxLength: 1 })),
    });
    fc.assert(
      fc.property(typo, ({ key, at, by }) => {
        fc.pre(key[at] !== by);
        expect(isWellFormedApiKey(key.slice(0, at) + by + key.slice(at + 1))).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it("catches two swapped neighbours, a missing character and an extra one", () => {
    fc.assert(
      fc.property(keys, fc.integer({ min: 8, max: 42 }), (key, at) => {
        const [a = "", b = ""] = [key[at], key[at + 1]];
        fc.pre(a !== b);
        expect(isWellFormedApiKey(key.slice(0, at) + b + a + key.slice(at + 2))).toBe(false);
        expect(isWellFormedApiKey(key.slice(0, at) + key.slice(at + 1))).toBe(false);
        expect(isWellFormedApiKey(key.slice(0, at) + a + key.slice(at))).toBe(false);
      }),
    );
  });
});

describe("a new key", () => {
  it("is well formed, and its prefix names its environment", () => {
    fc.assert(
      fc.property(keys, (key) => {
        expect(key).toMatch(/^el_(live|test)_[0-9A-Za-z]{36}$/);
        expect(isWellFormedApiKey(key)).toBe(true);
        expect(looksLikeApiKey(key)).toBe(true);
      }),
    );
  });

  it("is unique, and its characters are evenly distributed", () => {
    const made = Array.from({ length: 2_000 }, () => generateApiKey("live").slice(8, 38));
    expect(new Set(made).size).toBe(2_000);
    const counts = new Map<string, number>();
    for (const character of made.join("")) counts.set(character, (counts.get(character) ?? 0) + 1);
    expect(counts.size).toBe(62);
    // 60,000 characters over 62: 968 of each, with a standard deviation of 31. Modulo bias would make eight of them 1,170.
    for (const count of counts.values()) expect(Math.abs(count - 968)).toBeLessThan(170);
  });
});

it.each<[text: string, may: boolean]>([
  ["sk_live_4eC39HqLyjWDarjtT1zdp7dc", true],
  ["3f2504e0-4f89-11d3-9a0c-0305e82c3301", true],
  ["YWxhZGRpbjpvcGVuc2VzYW1l+/=", true],
  ["0123456789abcdef", true],
  ["x".repeat(200), true],
  ["0123456789abcde", false],
  ["x".repeat(201), false],
  ["0123456789abcdef, 0123456789abcdef", false],
  ["0123456789abcd\u00e9f", false],
  // One of ours, mistyped.
  ["el_live_0000000000000000000000000000002C8GjT", false],
])("a key of another system has 16 to 200 printable characters, and not our prefix: %j", (text, may) => {
  expect(mayBeImportedKey(text)).toBe(may);
});

it("the stored hash of a key is SHA-256 in hex", async () => {
  expect(await hashApiKey("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

it.each([
  "",
  "el_",
  "el_live_",
  "el_prod_0000000000000000000000000000002C8GjS",
  " el_live_0000000000000000000000000000002C8GjS",
  "el_live_0000000000000000000000000000002C8GjS\n",
  "EL_LIVE_0000000000000000000000000000002C8GjS",
])("text that only resembles a key is not well formed: %j", (text) => {
  expect(isWellFormedApiKey(text)).toBe(false);
});

/** The natural order of ids, against the rule it stands for: text and numbers are compared in turn. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { comparePlaces, naturalKey, placeOf } from "../../src/natural-order.ts";

const sorted = (ids: readonly string[]): string[] =>
  ids
    .map(placeOf)
    .toSorted(comparePlaces)
    .map(({ id }) => id);

describe("the natural order", () => {
  it.each([
    [
      ["user10", "user2", "user1", "User3"],
      ["user1", "user2", "User3", "user10"],
    ],
    [
      ["a10b2", "a2b10", "a10b10", "a2"],
      ["a2", "a2b10", "a10b2", "a10b10"],
    ],
    [
      ["1", "10", "9", "007"],
      ["1", "007", "9", "10"],
    ],
    [
      ["b", "A", "a", "B"],
      ["A", "a", "B", "b"],
    ],
    [
      ["9".repeat(200), "1".repeat(199), "a"],
      ["1".repeat(199), "9".repeat(200), "a"],
    ],
    [
      ["user", "user-1", "user1", "user~"],
      ["user", "user-1", "user1", "user~"],
    ],
  ])("of %j is %j", (ids, expected) => {
    expect(sorted(ids)).toEqual(expected);
  });

  it("compares runs of digits as numbers and other characters as they are", () => {
    const id = fc.string({
      unit: fc.constantFrom("a", "B", "-", "_", "~", "!", "0", "1", "2", "9"),
      maxLength: 9,
    });
    fc.assert(
      fc.property(id, id, (a, b) => {
        const expected = compareParts(partsOf(a), partsOf(b));
        const [x, y] = [naturalKey(a), naturalKey(b)];
        const order = x < y ? -1 : x > y ? 1 : 0;
        expect(order).toBe(expected);
      }),
      { numRuns: 2_000 },
    );
  });

  it("gives no two ids the same place", () => {
    const id = fc.string({ unit: fc.constantFrom("a", "A", "0", "1"), maxLength: 6 });
    fc.assert(
      fc.property(id, id, (a, b) => {
        expect(comparePlaces(placeOf(a), placeOf(b)) === 0).toBe(a === b);
      }),
    );
  });
});

type Part = string | bigint;

/** Characters, and numbers from runs of digits. */
function partsOf(id: string): Part[] {
  return [...id.toLowerCase().matchAll(/\d+|./g)].map(([part]) => (/\d/.test(part) ? BigInt(part) : part));
}

/** A number among characters has the place of a digit. */
function compareParts(a: readonly Part[], b: readonly Part[]): number {
  for (const [i, x] of a.entries()) {
    const y = b[i];
    if (y === undefined) return 1;
    if (x === y) continue;
    if (typeof x === "bigint" && typeof y === "bigint") return x < y ? -1 : 1;
    return (typeof x === "bigint" ? "0" : x) < (typeof y === "bigint" ? "0" : y) ? -1 : 1;
  }
  return a.length === b.length ? 0 : -1;
}

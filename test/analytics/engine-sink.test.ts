/** Points in the columns of Analytics Engine, within its limits. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { cut } from "../../src/analytics/cut.ts";
import { dataPointOf } from "../../src/analytics/engine-sink.ts";
import { UNIT_COLUMNS } from "../../src/analytics/point-fields.ts";
import { textOfPlaces, unitsText } from "../../src/analytics/unit-text.ts";
import { MAX_UNITS } from "../../src/core/unit-costs.ts";
import { point } from "../metrics/points.ts";

const bytes = (text: unknown): number => new TextEncoder().encode(String(text)).length;

describe("a data point", () => {
  it("holds each field in its column", () => {
    const { indexes, blobs, doubles } = dataPointOf(
      point({
        account: "user:a",
        cost: 2,
        remainingFraction: 0.5,
        retryAfterMs: 7,
        requests: 3,
        revision: 9,
      }),
    );
    expect(indexes).toEqual(["user:a"]);
    expect(blobs?.slice(0, 13)).toEqual([
      "1",
      "demo",
      "free",
      "allowed",
      "ok",
      "strict",
      "GET",
      "",
      "",
      "9",
      "",
      "2xx",
      "r-1",
    ]);
    expect([doubles?.[0], ...(doubles?.slice(3, 6) ?? [])]).toEqual([2, 0.5, 7, 3]);
  });

  it("holds its units' names in one blob and their amounts in the columns of their places", () => {
    const units = Array.from({ length: MAX_UNITS }, (_, i) => `u${i}`);
    expect(UNIT_COLUMNS).toHaveLength(MAX_UNITS);
    for (const count of [0, 1, 2, MAX_UNITS]) {
      const text = unitsText(units.slice(0, count).map((unit, i) => [unit, i + 0.5]));
      const { blobs = [], doubles = [] } = dataPointOf(point({ units: text, upstreamCode: 200 }));
      const amounts = UNIT_COLUMNS.map((column) => doubles[Number(column.slice("double".length)) - 1] ?? -1);
      expect(textOfPlaces(String(blobs[17]), amounts)).toBe(text);
      expect(doubles[6]).toBe(200);
      expect(amounts.slice(count).every((amount) => amount === 0)).toBe(true);
    }
  });

  it("fits Analytics Engine's limits, however long its texts and in any script", () => {
    const text = fc.string({ unit: "binary", maxLength: 9_000, size: "max" });
    fc.assert(
      fc.property(text, text, text, (account, reason, route) => {
        const { indexes, blobs = [] } = dataPointOf(point({ account, reason, route }));
        expect(bytes(indexes?.[0])).toBeLessThanOrEqual(96);
        expect(blobs.reduce<number>((sum, blob) => sum + bytes(blob), 0)).toBeLessThanOrEqual(16_384);
      }),
      { numRuns: 50 },
    );
  });

  it("is cut between characters, never within one", () => {
    expect(cut("a€😀", 8)).toBe("a€😀");
    expect(cut("a€😀", 7)).toBe("a€");
    expect(cut("a€😀", 3)).toBe("a");
  });
});

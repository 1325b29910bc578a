/** The log of decisions: complete while there are few denials, sampled with a count when there are many. */
import { expect, it } from "vitest";
import { DecisionLog } from "../../src/edge/decision-log.ts";
import type { LogFields, LogLevel } from "../../src/log.ts";

interface Line {
  readonly level: LogLevel;
  readonly fields: LogFields | undefined;
}

/** Logs `count` decisions, evenly spread over a time. */
function linesOf(level: LogLevel, allowed: boolean, count: number, overMs: number): Line[] {
  const lines: Line[] = [];
  const log = new DecisionLog((at, _event, fields) => void lines.push({ level: at, fields }), level);
  for (let n = 1; n <= count; n++) {
    if (log.takes(allowed, Math.floor((n * overMs) / count))) log.write(allowed, { n });
  }
  return lines;
}

it("at info, up to ten denials a second are all logged, and no allowed request is", () => {
  const lines = linesOf("info", false, 100, 20_000);
  expect(lines).toHaveLength(100);
  expect(lines.every(({ level, fields }) => level === "info" && fields?.["omitted"] === undefined)).toBe(
    true,
  );
  expect(linesOf("info", true, 100, 1_000)).toEqual([]);
});

it("at info, of more denials every thousandth is logged, and each is in a line or counted by the next", () => {
  const lines = linesOf("info", false, 10_000, 999);
  expect(lines).toHaveLength(10 + 10);
  const omitted = lines.map(({ fields }) => Number(fields?.["omitted"] ?? 0));
  expect(omitted.slice(0, 12)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 989, 999]);
  expect(omitted.reduce((sum, n) => sum + n, 0) + lines.length).toBe(10_000);
});

it("the next second begins with lines again, the first of which counts what was omitted before", () => {
  const lines = linesOf("info", false, 3_000, 2_000);
  const tenFrom = (first: number): number[] => Array.from({ length: 10 }, (_, i) => first + i);
  const logged = [...tenFrom(1), 1_000, ...tenFrom(1_500), 2_499, 3_000];
  expect(lines.map(({ fields }) => fields?.["n"])).toEqual(logged);
  expect(lines[11]?.fields?.["omitted"]).toBe(499);
});

it("at debug, every decision is logged; at warn, none is", () => {
  expect(linesOf("debug", false, 500, 500)).toHaveLength(500);
  expect(linesOf("debug", true, 500, 500).every(({ level }) => level === "debug")).toBe(true);
  expect(linesOf("debug", true, 500, 500)).toHaveLength(500);
  expect([...linesOf("warn", false, 500, 500), ...linesOf("warn", true, 500, 500)]).toEqual([]);
});

/** The pure parts of the kit. */
import { describe, expect, it } from "vitest";
import { labelOf, matchesOf } from "../../dashboard/src/kit/picker-options.ts";
import { sparkPaths } from "../../dashboard/src/kit/spark-path.ts";

const ROUTES = ["/batch", "/api/batch", "/bat", "/identify"].map((value) => ({ value }));

describe("a picker", () => {
  it("suggests the text itself first, then what begins with it, then what contains it, ignoring case", () => {
    expect(matchesOf(ROUTES, " /BAT ").map(({ value }) => value)).toEqual(["/bat", "/batch", "/api/batch"]);
    expect(matchesOf(ROUTES, "")).toEqual(ROUTES);
    expect(matchesOf(ROUTES, "nothing")).toEqual([]);
  });

  it("finds an option by its label or its value, and shows the label", () => {
    const named = [{ value: "user:acme", label: "Acme Inc." }];
    expect(["acme inc", "user:"].map((text) => matchesOf(named, text).length)).toEqual([1, 1]);
    expect([labelOf(named, "user:acme"), labelOf(named, "user:other")]).toEqual(["Acme Inc.", "user:other"]);
  });

  it("suggests at most fifty options", () => {
    const many = Array.from({ length: 200 }, (_none, i) => ({ value: `route ${i}` }));
    expect(matchesOf(many, "route")).toHaveLength(50);
  });
});

describe("a sparkline", () => {
  it("reaches from zero to the highest value", () => {
    expect(sparkPaths([0, 5, 10], 100, 24).line).toBe("M0,23L50,12L100,1");
    expect(sparkPaths([0, 0], 100, 24).line).toBe("M0,23L100,23");
  });

  it("has a gap for an unknown value, and shows a value between two gaps", () => {
    const { line, area } = sparkPaths([4, 4, null, 2, null], 100, 24);
    expect(line).toBe("M0,1L25,1M75,12L87.5,12");
    expect(area).toBe("M0,24L0,1L25,1L25,24ZM75,24L75,12L87.5,12L87.5,24Z");
    expect(sparkPaths([], 100, 24)).toEqual({ line: "", area: "" });
    expect(sparkPaths([null], 100, 24).line).toBe("");
  });
});

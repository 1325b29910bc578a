/**
 * The CPU time for policies, paths and streams that are crafted to be expensive grows only with their size.
 * test/edge/route-table.test.ts counts the steps of matching.
 */
import { expect, it, vi } from "vitest";
import { linesOf } from "../../src/api/decisions/ndjson.ts";
import { compilePolicy } from "../../src/policy/compile.ts";

/** The maximum number of routes of a policy, and their maximum length. */
const ROUTE_COUNT = 500;
const MAX_LENGTH = 256;
/** A compile takes 50 to 100 ms and 20 matches take 1 ms. If the work doubled with each segment, they would take seconds. */
const COMPILE_MS = 1_000;
const MATCHES_MS = 250;

/** CPU time of this process, so that other work on the machine does not count. */
function cpuMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}

function longest(segmentAt: (place: number) => string, end: string): string {
  let match = "";
  for (let place = 0; match.length + segmentAt(place).length + 1 + end.length <= MAX_LENGTH; place++) {
    match += `/${segmentAt(place)}`;
  }
  return match + end;
}

it.each<[what: string, pattern: (i: number) => string]>([
  ["distinct parameter names", (i) => longest((place) => `:a${i}${place}`, `/x${i}`)],
  [
    "a literal or a parameter in each segment",
    (i) => longest((place) => ((i >> (place % 9)) & 1 ? "a" : ":p"), `/x${i}`),
  ],
])("500 routes compile and match in bounded time: %s", (_what, pattern) => {
  const patterns = Array.from({ length: ROUTE_COUNT }, (_, i) => pattern(i));
  const document = {
    schema: 1,
    anonymousTier: "only",
    defaultTier: "only",
    tiers: { only: { limits: [] } },
    routes: patterns.map((match) => ({ match })),
  };
  let compiled: ReturnType<typeof compilePolicy> | undefined;
  const compileMs = cpuMs(() => {
    compiled = compilePolicy(document, 1);
  });
  if (!compiled?.ok) throw new Error("the policy compiles");
  const { routes } = compiled.value;
  const segments = (patterns[0] ?? "").split("/").length - 2;
  const matchesMs = cpuMs(() => {
    for (let i = 0; i < 10; i++) routes.match("GET", `${"/a".repeat(segments)}/nowhere-${i}`);
    for (let i = 0; i < 10; i++) routes.match("GET", `${"/a".repeat(segments)}/nowhere`);
  });
  expect(compileMs).toBeLessThan(COMPILE_MS);
  expect(matchesMs).toBeLessThan(MATCHES_MS);
});

it("a line that arrives byte by byte is searched only once", async () => {
  const length = 16_000;
  const byte = new TextEncoder().encode("x");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (let i = 0; i < length; i++) controller.enqueue(byte);
      controller.close();
    },
  });
  let searched = 0;
  const split = String.prototype.split;
  const spy = vi.spyOn(String.prototype, "split").mockImplementation(function (this: string, ...input) {
    searched += this.length;
    return split.apply(this, input);
  });
  const lines = [];
  for await (const group of linesOf(body)) lines.push(...group);
  spy.mockRestore();
  expect(lines).toEqual([{ kind: "line", text: "x".repeat(length) }]);
  expect(searched).toBeLessThanOrEqual(2 * length);
});

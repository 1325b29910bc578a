/** The worked example of docs/pools.md does what it says. */
import { afterEach, expect, it, vi } from "vitest";
import document from "../../docs/pools.md?raw";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { newAddress } from "../fixtures/edge-account.ts";
import { startEdge } from "../fixtures/edge-app.ts";

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** The rows of the table: when, which request, the targets in order, and the answer. */
const ROWS = [...document.matchAll(/^\| (\d+) \| (\w+) \| ([a-c, ]+) \| (\d+) \|/gm)].map(
  ([, at, method = "", targets = "", answer]) => ({
    atMs: Number(at) * 1_000,
    method,
    targets,
    answer: Number(answer),
  }),
);

function policyOf(text: string): PolicyDocument {
  const [, json = ""] = /```json\n(.*?)```/s.exec(text) ?? [];
  return JSON.parse(json);
}

it("the worked example of docs/pools.md does what it says", async () => {
  expect(ROWS.length).toBeGreaterThan(8);
  vi.useFakeTimers({ toFake: ["Date"] });
  vi.spyOn(console, "warn").mockReturnValue();
  // Begins at the beginning of the cycle.
  vi.spyOn(Math, "random").mockReturnValue(0);
  const startMs = Date.now();
  let reached: string[] = [];
  let probes = 0;
  vi.stubGlobal("fetch", (url: string) => {
    const { hostname, pathname } = new URL(url);
    const [name = ""] = hostname.split(".");
    if (pathname === "/health") probes += 1;
    else reached.push(name);
    if (name === "b" && Date.now() - startMs < 15_000) return Promise.reject(new Error("connection refused"));
    return Promise.resolve(new Response("fine"));
  });
  const edge = await startEdge({ policy: policyOf(document) });
  const headers = newAddress();
  const found = [];
  for (const { atMs, method } of ROWS) {
    vi.setSystemTime(startMs + atMs);
    reached = [];
    const response = await edge.request("/v1/things", { method, headers });
    await response.text();
    for (let turn = 0; turn < 3; turn++) {
      await new Promise((resolve) => {
        setTimeout(resolve, 0);
      });
    }
    found.push({ atMs, method, targets: reached.join(", "), answer: response.status });
  }
  expect(found).toEqual(ROWS);
  expect(probes).toBe(2);
});

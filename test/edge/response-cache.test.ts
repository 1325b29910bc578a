/** What the edge response cache sends from its store, and when it asks the upstream (docs/cache.md). */
import { afterEach, describe, expect, it, vi } from "vitest";
import { cachedEdge, counting, newPage } from "../fixtures/edge-cache.ts";

afterEach(() => {
  vi.useRealTimers();
});

describe("a cached route", () => {
  it("asks the upstream once, and says where each response comes from", async () => {
    const edge = await cachedEdge(counting({ "Content-Type": "text/plain", ETag: '"1"' }));
    const page = newPage();
    const first = await edge.get(page);
    expect([first.status, first.text, first.cache]).toEqual([200, "answer 1", "fwd=miss; stored"]);
    const second = await edge.get(page);
    expect([second.status, second.text, second.cache]).toEqual([200, "answer 1", "hit; ttl=59"]);
    expect(second.headers.get("Content-Type")).toBe("text/plain");
    expect(second.headers.get("Age")).toBe("0");
    expect(second.headers.get("X-Request-Id")).not.toBe(first.headers.get("X-Request-Id"));
    expect(edge.forwarded).toHaveLength(1);
  });
});

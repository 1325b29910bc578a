/** A log line is one line of JSON, whatever is put into it. */
import { afterEach, expect, it, vi } from "vitest";
import { createLog } from "../../src/log.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

it("a hostile value neither breaks the line nor makes it too long", () => {
  const lines: unknown[] = [];
  vi.spyOn(console, "warn").mockImplementation((line) => void lines.push(line));
  const user = `a\n{"level":"error"}\u2028\u001b[31m\u0000"`;
  createLog("info")("warn", "denied", { user, route: "r".repeat(10_000), ms: 1.5 });
  const [line] = lines.map(String);
  expect([...(line ?? "")].filter((letter) => letter < " ")).toEqual([]);
  expect(line?.length).toBeLessThan(1_000);
  expect(JSON.parse(line ?? "")).toMatchObject({ level: "warn", event: "denied", user, ms: 1.5 });
});

it("entries below the level are not written", () => {
  const info = vi.spyOn(console, "info").mockReturnValue();
  createLog("warn")("info", "decision");
  expect(info).not.toHaveBeenCalled();
  createLog("info")("info", "decision");
  expect(info).toHaveBeenCalledOnce();
});

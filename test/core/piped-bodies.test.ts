/** What bodies of responses may take of an isolate, and that this is free again even if their end is never reported. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { copiedPipe, MAX_BODY_BYTES } from "../../src/gateway/cache/copied-body.ts";
import { drainedPipe, MAX_DRAINS } from "../../src/gateway/drained-pipe.ts";

/** Longer than any body counts whose end is not reported. */
const FORGOTTEN_MS = 120_000;

let sources: WritableStreamDefaultWriter<Uint8Array>[];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
  sources = [];
});
afterEach(async () => {
  await Promise.allSettled(sources.map((source) => source.abort(new Error("the end of the test"))));
  vi.useRealTimers();
});

/** A body that a test sends piece by piece. */
function sent(): { readable: ReadableStream<Uint8Array>; source: WritableStreamDefaultWriter<Uint8Array> } {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const source = writable.getWriter();
  sources.push(source);
  return { readable, source };
}

/** Copies a body whose client reads all; its copy's length, null if there is none. */
function copying() {
  const { readable, source } = sent();
  const { promise, resolve } = Promise.withResolvers<number | null>();
  void copiedPipe(readable, new WritableStream(), null, async (body) => resolve(body?.length ?? null));
  return { source, copy: promise };
}

async function copyOf(length: number): Promise<number | null> {
  const { source, copy } = copying();
  await source.write(new Uint8Array(length));
  await source.close();
  return copy;
}

it("copies of bodies have a bound together, which those do not take for ever that never end", async () => {
  const length = MAX_BODY_BYTES - 1_024;
  const open = Array.from({ length: 8 }, copying);
  for (const { source } of open) await source.write(new Uint8Array(length));
  expect(await copyOf(length)).toBeNull();
  vi.advanceTimersByTime(FORGOTTEN_MS);
  expect(await copyOf(length)).toBe(length);
});

it("a body is copied for a minute at most, as long as its copy counts", async () => {
  const { source, copy } = copying();
  await source.write(new Uint8Array(1));
  vi.advanceTimersByTime(60_000);
  await source.write(new Uint8Array(1));
  expect(await copy).toBeNull();
});

/** The end of a body whose client leaves after the first byte. */
function left() {
  const { readable, source } = sent();
  const client = new WritableStream<Uint8Array>({ write: () => Promise.reject(new Error("left")) });
  return { source, end: drainedPipe(readable, client, () => undefined) };
}

async function endOfLeft(): Promise<string> {
  const { source, end } = left();
  await source.write(new Uint8Array(1));
  await source.write(new Uint8Array(1)).catch(() => undefined);
  await source.close().catch(() => undefined);
  return end;
}

it("bodies of clients that left are read up to a bound, which those do not take for ever that never end", async () => {
  const open = Array.from({ length: MAX_DRAINS }, left);
  for (const { source } of open) await source.write(new Uint8Array(1));
  await vi.waitFor(async () => expect(await endOfLeft()).toBe("left"));
  vi.advanceTimersByTime(FORGOTTEN_MS);
  expect(await endOfLeft()).toBe("whole");
});

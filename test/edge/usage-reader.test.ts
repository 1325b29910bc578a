/** How the body of a response with usage is piped: what a client that leaves, an upstream that hangs, and an encoding do to it. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { drainedPipe } from "../../src/gateway/drained-pipe.ts";
import { readUsage } from "../../src/gateway/usage-reader.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const text = new TextDecoder();

function pipe() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  return { readable, writable, writer: writable.getWriter() };
}

/** A pipe under way. */
function piped() {
  const source = pipe();
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  let seen = "";
  const end = drainedPipe(source.readable, writable, (chunk) => {
    seen += text.decode(chunk);
  });
  return { source: source.writer, client: readable.getReader(), end, seen: () => seen };
}

afterEach(() => {
  vi.useRealTimers();
});

describe("a body with an observer", () => {
  it("reaches the client chunk by chunk, and the observer sees each", async () => {
    const { source, client, end, seen } = piped();
    for (const chunk of ["a", "b"]) {
      const sent = source.write(bytes(chunk));
      expect(text.decode((await client.read()).value)).toBe(chunk);
      await sent;
    }
    const closed = source.close();
    expect((await client.read()).done).toBe(true);
    await closed;
    expect([await end, seen()]).toEqual(["whole", "ab"]);
  });

  it("breaks off for the client as it does at the upstream", async () => {
    const { source, client, end } = piped();
    const read = client.read();
    await source.abort(new Error("the upstream broke off"));
    await expect(read).rejects.toThrow("broke off");
    expect(await end).toBe("broken");
  });

  it("is never read faster than the client reads", async () => {
    const { source, client, end, seen } = piped();
    for (const chunk of "abcdef") void source.write(bytes(chunk));
    const closed = source.close();
    await scheduler.wait(20);
    expect(seen().length).toBeLessThan(4);
    while (!(await client.read()).done);
    await closed;
    expect([await end, seen()]).toEqual(["whole", "abcdef"]);
  });

  it("is read on if the client leaves while the upstream is silent, for at most 25 seconds", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const { source, client, end, seen } = piped();
    const sent = source.write(bytes("a"));
    await client.read();
    await sent;
    await client.cancel();
    await source.write(bytes("b"));
    await vi.advanceTimersByTimeAsync(24_999);
    await source.write(bytes("c"));
    await vi.advanceTimersByTimeAsync(1);
    expect([await end, seen()]).toEqual(["left", "abc"]);
    await expect(source.closed).rejects.toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("what is decoded", () => {
  it("is a copy, of which a broken part ends nothing", async () => {
    const whole = `{"usage": {"total_tokens": 7}}`;
    const packed = new Uint8Array(
      await new Response(new Response(whole).body?.pipeThrough(new CompressionStream("gzip"))).arrayBuffer(),
    );
    for (const [content, tokens] of [
      [packed, 7],
      [packed.slice(0, 20), null],
      [bytes(whole), null],
    ] as const) {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const received = new Response(readable).arrayBuffer();
      const headers = new Headers({ "Content-Encoding": "GZIP", "Content-Type": "application/json" });
      const source = new Response(content).body ?? new ReadableStream();
      expect(await readUsage(source, writable, headers, "openai")).toEqual({ end: "whole", tokens });
      expect(new Uint8Array(await received)).toEqual(new Uint8Array(content));
    }
  });

  it("is nothing if the encoding has the name of a property of all objects", async () => {
    for (const encoding of ["constructor", "__proto__", "toString"]) {
      const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
      const received = new Response(readable).text();
      const source = new Response("any").body ?? new ReadableStream();
      const headers = new Headers({ "Content-Encoding": encoding });
      expect(await readUsage(source, writable, headers, "openai")).toEqual({ end: "whole", tokens: null });
      expect(await received).toBe("any");
    }
  });
});

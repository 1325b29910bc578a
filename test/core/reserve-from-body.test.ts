/** How much of a request's body is held before a limit has decided about it, and for how long. */
import { afterEach, expect, it, vi } from "vitest";
import { MAX_READERS, readReserve } from "../../src/gateway/reserve-from-body.ts";

const BODY = '{"max_tokens": 7}';

/** A body that a test sends piece by piece. */
function sending() {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const send = (text: string) => writer.write(new TextEncoder().encode(text));
  return { readable, writer, send, read: readReserve(readable, "max_tokens") };
}

/** What a whole body reserves, and its text afterwards. */
async function ofWhole() {
  const found = await readReserve(new Blob([BODY]).stream(), "max_tokens");
  return [found?.milli, await new Response(found?.body).text()];
}

afterEach(() => {
  vi.useRealTimers();
});

it("holds as many bodies as fit: one more reserves the policy's amount, and is passed on unread", async () => {
  const slow = Array.from({ length: MAX_READERS }, () => sending());
  expect(await ofWhole()).toEqual([null, BODY]);
  await Promise.all(slow.map(({ writer }) => writer.abort(new Error("the client left"))));
  expect(await Promise.all(slow.map(({ read }) => read))).toEqual(slow.map(() => null));
  expect(await ofWhole()).toEqual([7_000, BODY]);
});

it("holds others again if the runtime has ended requests without a word", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  const lost = Array.from({ length: MAX_READERS }, () => sending());
  expect(await ofWhole()).toEqual([null, BODY]);
  vi.advanceTimersByTime(120_000);
  expect(await ofWhole()).toEqual([7_000, BODY]);
  await Promise.all(lost.map(({ writer }) => writer.abort(new Error("the end of the test"))));
  expect(await Promise.all(lost.map(({ read }) => read))).toEqual(lost.map(() => null));
});

it("is passed on with the first bytes after 30 seconds, however often a little comes", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  const { read, send, writer } = sending();
  for (const piece of ['{"max', "_tok", "ens", '": 7']) {
    await send(piece);
    await vi.advanceTimersByTimeAsync(14_000);
  }
  const found = await read;
  const text = new Response(found?.body).text();
  await send("}");
  await writer.close();
  expect([found?.milli, await text]).toEqual([null, BODY]);
});

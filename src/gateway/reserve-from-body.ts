/**
 * Reads from a request's body how much it may cost at most, such as its `max_tokens`, and leaves the body as it was for the upstream.
 *
 * Reads at most {@link MAX_READ} bytes: a longer body reserves what the policy says. The same holds for a body that is not JSON, for a
 * number that is none, and for a body that takes long or is one too many: a client can only reserve less than the policy says, and what its
 * request costs beyond that is charged too.
 */
import { withDeadline } from "../deadline.ts";
import { toMilli } from "../core/units.ts";
import { InFlight } from "./in-flight.ts";

/** Longest body that is read. */
export const MAX_READ = 65_536;
/** As long as an upload may make no progress (proxy.ts). A body that comes a little at a time is passed on after it. */
const IDLE_MS = 30_000;
/**
 * Bodies that this isolate reads at once. No limit has decided about their requests, so nothing else bounds the memory that they take: some
 * 16 MiB of the 128 of the isolate.
 */
export const MAX_READERS = 256;

/**
 * Of this isolate. The runtime may end a request whose client has left before its end is counted; none of these lasts longer than it
 * counts.
 */
const readers = new InFlight();

export interface ReadReserve {
  /** Thousandths; null: the body says nothing. */
  readonly milli: number | null;
  /** The whole body again. */
  readonly body: ReadableStream<Uint8Array>;
}

/** @param member of the JSON object. Null: the client broke off, or stopped sending. */
export async function readReserve(
  body: ReadableStream<Uint8Array>,
  member: string,
): Promise<ReadReserve | null> {
  if (readers.count(Date.now()) >= MAX_READERS) return { milli: null, body };
  const begun = readers.begin(Date.now());
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const untilMs = Date.now() + IDLE_MS;
  try {
    while (length <= MAX_READ && Date.now() < untilMs) {
      const { done, value } = await withDeadline(reader.read(), IDLE_MS, "request body");
      if (done) return { milli: memberOf(chunks, member), body: replayed(chunks, reader) };
      chunks.push(value);
      length += value.byteLength;
    }
    return { milli: null, body: replayed(chunks, reader) };
  } catch (thrown) {
    reader.cancel(thrown).catch(() => undefined);
    return null;
  } finally {
    readers.end(begun, Date.now());
  }
}

/** These chunks, and then what is left to read. */
function replayed(
  chunks: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): ReadableStream<Uint8Array> {
  let sent = 0;
  return new ReadableStream({
    async pull(controller) {
      const chunk = chunks[sent++];
      if (chunk !== undefined) {
        controller.enqueue(chunk);
        return;
      }
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

/** A positive number of the object that the chunks are in JSON. */
function memberOf(chunks: readonly Uint8Array[], member: string): number | null {
  try {
    const decoder = new TextDecoder();
    const text = chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("") + decoder.decode();
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, member)) return null;
    const amount: unknown = Reflect.get(value, member);
    return typeof amount === "number" && amount > 0 ? toMilli(amount) : null;
  } catch {
    return null;
  }
}

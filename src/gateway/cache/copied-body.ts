/**
 * Pipes a response's body to its client and keeps a copy for the store.
 *
 * The upstream is read at its own speed up to the bound of what is stored, however slowly the client reads: a slow client must not keep
 * others waiting for the copy. Beyond that there is no copy, and the client determines the speed.
 */

import { COUNTED_MS, InFlight } from "../in-flight.ts";

/** A longer body is not stored. */
export const MAX_BODY_BYTES = 2_097_152;
/** Of all copies of an isolate together. A response that finds no room is not stored. */
const MAX_COPIED_BYTES = 16_777_216;
/** What a chunk takes besides its bytes: many small ones would take more than their bytes. */
const CHUNK_BYTES = 256;
/** How long a body is read for the store after its client has left. */
const ABANDONED_MS = 20_000;

/**
 * Bytes of copies in this isolate. The runtime may end a request whose client has left before its copy is dropped; no copy lasts longer
 * than it counts.
 */
const copied = new InFlight();

/**
 * Never rejects; resolves when the client has all or has left.
 * @param announced how long the body is, if that is known.
 * @param ended called once when the upstream has ended: with the whole body, or with null if there is no copy of it.
 */
export async function copiedPipe(
  source: ReadableStream<Uint8Array>,
  sink: WritableStream<Uint8Array>,
  announced: number | null,
  ended: (body: Uint8Array | null) => Promise<void>,
): Promise<void> {
  const reader = source.getReader();
  const copy = new Copy(announced);
  const cut = (): void => {
    copy.drop();
    reader.cancel().catch(() => undefined);
  };
  let timer: ReturnType<typeof setTimeout> | null = null;
  const left = (): void => {
    timer ??= setTimeout(cut, ABANDONED_MS);
  };
  const client = new Client(sink, left);
  let stored: Promise<void> | null = null;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      copy.add(next.value);
      if (client.hasLeft && !copy.isKept) {
        cut();
        break;
      }
      const written = client.write(next.value);
      if (!copy.isKept) {
        stored ??= ended(null);
        await written;
      }
    }
    stored ??= ended(copy.whole());
    await client.close();
  } catch (thrown) {
    stored ??= ended(null);
    await client.abort(thrown);
  } finally {
    copy.drop();
    if (timer !== null) clearTimeout(timer);
    await stored;
  }
}

/** Where the body goes. */
class Client {
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #left: () => void;
  #hasLeft = false;

  /** @param left called when it has left. */
  constructor(sink: WritableStream<Uint8Array>, left: () => void) {
    this.#writer = sink.getWriter();
    this.#left = left;
    this.#writer.closed.catch(() => this.#leave());
  }

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Resolves when the client has taken it, or has left. */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#writer.write(chunk).catch(() => this.#leave());
  }

  async close(): Promise<void> {
    await this.#writer.close().catch(() => undefined);
  }

  async abort(reason: unknown): Promise<void> {
    await this.#writer.abort(reason).catch(() => undefined);
  }

  #leave(): void {
    this.#hasLeft = true;
    this.#left();
  }
}

/** The copy of one body, while it is within all bounds. */
class Copy {
  readonly #announced: number | null;
  #chunks: Uint8Array[] | null = [];
  #length = 0;
  /** Its share of {@link copied}. */
  #counted = 0;
  readonly #begun = copied.begin(Date.now(), 0);
  readonly #untilMs = Date.now() + COUNTED_MS;

  constructor(announced: number | null) {
    this.#announced = announced;
    if (announced !== null && announced > MAX_BODY_BYTES) this.#chunks = null;
  }

  get isKept(): boolean {
    return this.#chunks !== null;
  }

  add(chunk: Uint8Array): void {
    if (this.#chunks === null) return;
    const counted = chunk.length + CHUNK_BYTES;
    const nowMs = Date.now();
    const isTooLong = this.#length + chunk.length > MAX_BODY_BYTES;
    if (isTooLong || nowMs >= this.#untilMs || copied.count(nowMs) + counted > MAX_COPIED_BYTES) {
      this.drop();
      return;
    }
    copied.add(this.#begun, nowMs, counted);
    this.#counted += counted;
    this.#length += chunk.length;
    this.#chunks.push(chunk);
  }

  /** The body; null if it is not all here. */
  whole(): Uint8Array | null {
    if (this.#chunks === null || (this.#announced !== null && this.#announced !== this.#length)) return null;
    const body = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      body.set(chunk, at);
      at += chunk.length;
    }
    return body;
  }

  drop(): void {
    if (this.#chunks === null) return;
    this.#chunks = null;
    copied.end(this.#begun, Date.now(), this.#counted);
  }
}

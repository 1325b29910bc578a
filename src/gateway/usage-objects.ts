/**
 * The JSON objects of a response that may report usage: its body, or the data of each server-sent event, from the bytes as they pass.
 *
 * Memory is bounded by {@link MAX_BODY} and {@link MAX_EVENT}. Of a longer body or event, only the end is read: models report usage after
 * their output, and a client must not hide it behind a long answer (such as `logprobs`, or instructions that are repeated). How the bytes
 * are split into chunks does not matter.
 */

/** Longest JSON body that is read whole, in bytes. */
export const MAX_BODY = 1_048_576;
/** Longest data of an event that is read whole, in characters. */
export const MAX_EVENT = 65_536;
/** How much of the end of a longer body is read, in bytes. Of a longer event: {@link MAX_EVENT}. */
const MAX_TAIL = 65_536;

/** A usage object, which most events lack or have as null: only events that match are parsed as JSON. */
const USAGE = /"usage"\s*:\s*\{/;
const EVERY_USAGE = new RegExp(USAGE, "g");

/** An object in JSON, of which nothing else is known. */
export interface Fields {
  readonly [name: string]: unknown;
}

/** Collects a JSON body, or the end of a long one. */
export class JsonBody {
  readonly #take: (body: Fields) => void;
  #chunks: Uint8Array[] = [];
  /** Bytes in them. */
  #kept = 0;
  #length = 0;

  constructor(take: (body: Fields) => void) {
    this.#take = take;
  }

  push(chunk: Uint8Array): void {
    this.#length += chunk.byteLength;
    this.#kept += chunk.byteLength;
    // A copy: the runtime may reuse the buffer.
    this.#chunks.push(chunk.slice());
    if (this.#kept > MAX_BODY) this.#keepTail();
  }

  end(): void {
    const isWhole = this.#length <= MAX_BODY;
    if (!isWhole) this.#keepTail();
    const decoder = new TextDecoder();
    const text = this.#chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("");
    this.#chunks = [];
    const all = text + decoder.decode();
    const body = isWhole ? parsed(all) : parsedTail(all, "{");
    if (body) this.#take(body);
  }

  #keepTail(): void {
    const tail = new Uint8Array(Math.min(MAX_TAIL, this.#kept));
    let from = tail.length;
    for (const chunk of this.#chunks.toReversed()) {
      const part = chunk.subarray(Math.max(0, chunk.length - from));
      from -= part.length;
      tail.set(part, from);
      if (from === 0) break;
    }
    this.#chunks = [tail];
    this.#kept = tail.length;
  }
}

/** Splits a stream into events (HTML Living Standard, section 9.2.6), of which only the data matters. */
export class EventStream {
  readonly #take: (event: Fields) => void;
  readonly #decoder = new TextDecoder();
  /** The beginning of a line whose end has not arrived; of a long one, its end. */
  readonly #line = new Tail();
  /** Whether the last character was CR: an LF after it belongs to it. */
  #afterCr = false;
  /** The data of the event so far. */
  readonly #data = new Tail();
  /** How its first line begins. */
  #head = "";

  constructor(take: (event: Fields) => void) {
    this.#take = take;
  }

  push(chunk: Uint8Array): void {
    this.#text(this.#decoder.decode(chunk, { stream: true }));
  }

  end(): void {
    this.#text(this.#decoder.decode());
    // Some servers leave out the empty line after the last event.
    this.#lineEnded();
    this.#eventEnded();
  }

  #text(text: string): void {
    let from = 0;
    if (text === "") return;
    if (this.#afterCr && text.startsWith("\n")) from = 1;
    this.#afterCr = text.endsWith("\r");
    for (;;) {
      const end = lineEnd(text, from);
      this.#line.add(text.slice(from, end));
      if (end === text.length) return;
      this.#lineEnded();
      from = end + (text.startsWith("\r\n", end) ? 2 : 1);
    }
  }

  #lineEnded(): void {
    const { head, length } = this.#line;
    if (length === 0) this.#eventEnded();
    else if (head.startsWith("data:")) {
      const start = head[5] === " " ? 6 : 5;
      // Data lines are joined by a newline.
      if (this.#data.length > 0) this.#data.add("\n");
      else this.#head = head.slice(start);
      this.#data.add(this.#line.from(start), length - start);
    }
    this.#line.clear();
  }

  #eventEnded(): void {
    const { length } = this.#data;
    const data = this.#data.from(0);
    this.#data.clear();
    if (!USAGE.test(data)) return;
    const event =
      length <= MAX_EVENT
        ? parsed(data)
        : parsedTail(data, RESPONSE_ENDED.test(this.#head) ? '{"response":{' : "{");
    if (event) this.#take(event);
  }
}

/** Keeps the first characters and the end of a text. */
class Tail {
  /** The first few characters. */
  head = "";
  length = 0;
  #text = "";

  /** @param length of the added text; `part` is its end. */
  add(part: string, length = part.length): void {
    if (this.head.length < HEAD) this.head += part.slice(0, HEAD - this.head.length);
    this.length += length;
    this.#text += part;
    // Truncate rarely, because that copies the text.
    if (this.#text.length > 2 * MAX_EVENT) this.#text = this.#text.slice(-MAX_EVENT);
  }

  /** What follows the first `start` characters; of a long text, its end. */
  from(start: number): string {
    const left = Math.min(MAX_EVENT, this.length - start);
    return left <= 0 ? "" : this.#text.slice(-left);
  }

  clear(): void {
    this.head = "";
    this.length = 0;
    this.#text = "";
  }
}

/** Characters of {@link Tail.head}: enough to identify a line. */
const HEAD = 64;
/** The event that ends a stream of the Responses API has the whole response in its member `response`. */
const RESPONSE_ENDED = /^\s*\{\s*"type"\s*:\s*"response\.(?:completed|incomplete|failed)"/;

/** Where the line that begins at `from` ends, or the text. */
function lineEnd(text: string, from: number): number {
  const lf = text.indexOf("\n", from);
  const line = lf === -1 ? text.length : lf;
  const cr = text.slice(from, line).indexOf("\r");
  return cr === -1 ? line : from + cr;
}

/**
 * Parses the end of a JSON object, from its last `usage` member on.
 * @param opening the brackets that enclose that member. At any other depth the brackets do not match, so the usage is ignored; so is one
 * inside a string, because its quotes are escaped.
 * @returns null if there is no usage, or if that is not valid JSON.
 */
function parsedTail(tail: string, opening: string): Fields | null {
  const at = [...tail.matchAll(EVERY_USAGE)].at(-1)?.index;
  return at === undefined ? null : parsed(opening + tail.slice(at));
}

/** Parses a JSON object; null if the text is not one. */
function parsed(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

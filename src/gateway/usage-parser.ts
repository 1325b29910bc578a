/**
 * Reads the tokens that a model's response reports, in the formats of OpenAI (Chat Completions, Responses, Embeddings) and Anthropic
 * (Messages), from its bytes as they pass: a JSON body, or server-sent events.
 *
 * Pure: no I/O and no clock. Memory is bounded by {@link MAX_BODY} and {@link MAX_EVENT}. Of what is longer, the end is read: models report
 * usage after what they write, and a client must not hide it behind a long answer (such as `logprobs`, or instructions that are repeated).
 * How the bytes are split into chunks does not matter.
 */

/** The formats of {@link UsageParser}. */
export type UsageFormat = "openai" | "anthropic";

/** Longest JSON body that is read whole, in bytes. */
export const MAX_BODY = 1_048_576;
/** Longest data of an event that is read whole, in characters. */
export const MAX_EVENT = 65_536;
/** How much of the end of a longer body is read, in bytes. Of a longer event: {@link MAX_EVENT}. */
export const MAX_TAIL = 65_536;
/** More tokens in one response are an error of the upstream. */
const MAX_TOKENS = 1e9;

/** A usage object, which most events lack or have as null: only events that match are parsed as JSON. */
const USAGE = /"usage"\s*:\s*\{/;
const EVERY_USAGE = new RegExp(USAGE, "g");

interface Fields {
  readonly [name: string]: unknown;
}

/** Reads one response. */
export class UsageParser {
  readonly #source: JsonBody | EventStream;
  readonly #counter: OpenAiCounter | AnthropicCounter;

  /** @param contentType of the response; null: it has none. Whatever is not a stream of events is read as JSON. */
  constructor(format: UsageFormat, contentType: string | null) {
    const counter = format === "openai" ? new OpenAiCounter() : new AnthropicCounter();
    this.#counter = counter;
    const isStream = /^\s*text\/event-stream\s*(?:;|$)/i.test(contentType ?? "");
    this.#source = isStream
      ? new EventStream((data) => counter.event(data))
      : new JsonBody((body) => counter.body(body));
  }

  /** Takes the next bytes. */
  push(chunk: Uint8Array): void {
    this.#source.push(chunk);
  }

  /**
   * The tokens of the response, after its last byte.
   * @param isWhole whether the response has ended by itself. If it broke off, only a usage that no later one can replace counts.
   * @returns null if the response reports none, or none that is valid.
   */
  tokens(isWhole: boolean): number | null {
    if (isWhole) this.#source.end();
    return isWhole || this.#counter.isFinal ? this.#counter.tokens : null;
  }
}

/** Collects a JSON body, or the end of a long one. */
class JsonBody {
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
class EventStream {
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
      // A line ends between two.
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

/** A text of which the end is kept, and the first characters. */
class Tail {
  /** The first few characters. */
  head = "";
  length = 0;
  #text = "";

  /** @param length of which the part is the end. */
  add(part: string, length = part.length): void {
    if (this.head.length < HEAD) this.head += part.slice(0, HEAD - this.head.length);
    this.length += length;
    this.#text += part;
    // Seldom, since it copies.
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

/** Characters of {@link Tail.head}: as many as tell what a line is. */
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

/** `usage` of a completion, of a response, or of the event `response.completed` (or `.incomplete`, `.failed`). The last one counts. */
class OpenAiCounter {
  tokens: number | null = null;
  /** The last event of a stream has no choices; a server that counts as it goes sends usage beside choices too. */
  isFinal = false;

  body(body: Fields): void {
    this.#take(body["usage"]);
  }

  event(event: Fields): void {
    const { response, choices } = event;
    const isTaken = this.#take(isFields(response) ? response["usage"] : event["usage"]);
    if (isTaken) this.isFinal = Array.isArray(choices) ? choices.length === 0 : isFields(response);
  }

  #take(usage: unknown): boolean {
    if (!isFields(usage)) return false;
    const total =
      count(usage["total_tokens"]) ??
      sum([
        count(usage["prompt_tokens"]) ?? count(usage["input_tokens"]),
        count(usage["completion_tokens"]) ?? count(usage["output_tokens"]),
      ]);
    if (total === null) return false;
    this.tokens = total;
    return true;
  }
}

/** The counts of Anthropic's `usage`. They exclude each other. */
const ANTHROPIC_COUNTS = [
  "input_tokens",
  "cache_creation_input_tokens",
  "cache_read_input_tokens",
  "output_tokens",
] as const;

/** `usage` of a message; in a stream, that of `message_start`, whose counts each `message_delta` replaces by later ones. */
class AnthropicCounter {
  readonly #counts = new Map<string, number>();
  #isCounted = false;
  /** Whether the message has stopped: no later event counts more. */
  isFinal = false;

  get tokens(): number | null {
    return this.#isCounted ? sum([...this.#counts.values()]) : null;
  }

  body(body: Fields): void {
    this.#isCounted = this.#take(body["usage"]);
  }

  event({ type, message, usage, delta }: Fields): void {
    if (type === "message_start" && isFields(message)) this.#take(message["usage"]);
    // The first event counts what came before any output.
    if (type !== "message_delta" || !this.#take(usage)) return;
    this.#isCounted = true;
    this.isFinal = isFields(delta) && typeof delta["stop_reason"] === "string";
  }

  /** @returns whether the output is counted. */
  #take(usage: unknown): boolean {
    if (!isFields(usage)) return false;
    for (const name of ANTHROPIC_COUNTS) {
      const tokens = count(usage[name]);
      if (tokens !== null) this.#counts.set(name, tokens);
    }
    return count(usage["output_tokens"]) !== null;
  }
}

/** A number of tokens; null: it is none. */
function count(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_TOKENS
    ? value
    : null;
}

/** The sum of the counts that there are; null: there is none. */
function sum(counts: readonly (number | null)[]): number | null {
  const known = counts.filter((each) => each !== null);
  return known.length === 0
    ? null
    : Math.min(
        MAX_TOKENS,
        known.reduce((all, each) => all + each, 0),
      );
}

/**
 * The last members of an object in JSON, from the last `usage` on, of which this is the end; null: they are none.
 * @param opening what opens the object and those around it. If others are open where the usage is, the brackets do not match, so a usage
 * at any other depth is never taken; nor is one in a string, whose quotes are escaped.
 */
function parsedTail(tail: string, opening: string): Fields | null {
  const at = [...tail.matchAll(EVERY_USAGE)].at(-1)?.index;
  return at === undefined ? null : parsed(opening + tail.slice(at));
}

/** The object that a text is in JSON; null: it is none. */
function parsed(text: string): Fields | null {
  try {
    const value: unknown = JSON.parse(text);
    return isFields(value) ? value : null;
  } catch {
    return null;
  }
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

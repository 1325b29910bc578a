/**
 * Reads the tokens that a model's response reports, in the formats of OpenAI (Chat Completions, Responses, Embeddings) and Anthropic
 * (Messages), from its bytes as they pass: a JSON body, or server-sent events.
 *
 * Pure: no I/O and no clock. Memory is bounded by {@link MAX_BODY} and {@link MAX_EVENT}: what is larger is skipped, never guessed. How the
 * bytes are split into chunks does not matter.
 */

/** The formats of {@link UsageParser}. */
export type UsageFormat = "openai" | "anthropic";

/** Longest JSON body that is read, in bytes. The usage of a longer one is unknown. */
export const MAX_BODY = 1_048_576;
/** Longest event that is read, in characters. A longer one is skipped. */
export const MAX_EVENT = 65_536;
/** More tokens in one response are an error of the upstream. */
const MAX_TOKENS = 1e9;

/** A usage object, which most events lack or have as null: only events that match are parsed as JSON. */
const USAGE = /"usage"\s*:\s*\{/;

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

/** Collects a JSON body. */
class JsonBody {
  readonly #take: (body: Fields) => void;
  #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(take: (body: Fields) => void) {
    this.#take = take;
  }

  push(chunk: Uint8Array): void {
    this.#length += chunk.byteLength;
    // A copy: the runtime may reuse the buffer.
    if (this.#length <= MAX_BODY) this.#chunks.push(chunk.slice());
    else this.#chunks = [];
  }

  end(): void {
    if (this.#length > MAX_BODY) return;
    const decoder = new TextDecoder();
    const text = this.#chunks.map((chunk) => decoder.decode(chunk, { stream: true })).join("");
    this.#chunks = [];
    const body = parsed(text + decoder.decode());
    if (body) this.#take(body);
  }
}

/** Splits a stream into events (HTML Living Standard, section 9.2.6), of which only the data matters. */
class EventStream {
  readonly #take: (event: Fields) => void;
  readonly #decoder = new TextDecoder();
  /** The beginning of a line whose end has not arrived; "" if the event is too long. */
  #line = "";
  /** Whether the line has any character, kept or not. */
  #isLineEmpty = true;
  /** Whether the last character was CR: an LF after it belongs to it. */
  #afterCr = false;
  #data: string[] = [];
  /** Characters of the event so far. */
  #length = 0;

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
      this.#part(text.slice(from, end));
      if (end === text.length) return;
      this.#lineEnded();
      from = end + (text.startsWith("\r\n", end) ? 2 : 1);
    }
  }

  /** More of the current line. */
  #part(part: string): void {
    if (part === "") return;
    this.#isLineEmpty = false;
    this.#length += part.length;
    if (this.#length <= MAX_EVENT) this.#line += part;
    else {
      this.#line = "";
      this.#data = [];
    }
  }

  #lineEnded(): void {
    const line = this.#line;
    this.#line = "";
    if (this.#isLineEmpty) this.#eventEnded();
    else if (line.startsWith("data:")) this.#data.push(line.slice(line[5] === " " ? 6 : 5));
    this.#isLineEmpty = true;
  }

  #eventEnded(): void {
    const isRead = this.#length <= MAX_EVENT && this.#data.length > 0;
    const data = isRead ? this.#data.join("\n") : "";
    this.#data = [];
    this.#length = 0;
    if (!USAGE.test(data)) return;
    const event = parsed(data);
    if (event) this.#take(event);
  }
}

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

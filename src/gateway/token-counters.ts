/** Counts the tokens of one response by the usage that it reports: one counter for each API, OpenAI's and Anthropic's. */
import { type Fields, isFields } from "./usage-objects.ts";

/** More tokens in one response are an error of the upstream. */
const MAX_TOKENS = 1e9;

/** `usage` of a completion, of a response, or of the event `response.completed` (or `.incomplete`, `.failed`). The last one counts. */
export class OpenAiCounter {
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
export class AnthropicCounter {
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
    // `message_start` precedes the output, so its counts are not final.
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

/** A token count; null if the value is not a valid one. */
function count(value: unknown): number | null {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_TOKENS
    ? value
    : null;
}

/** The sum of the known counts; null if none is known. */
function sum(counts: readonly (number | null)[]): number | null {
  const known = counts.filter((each) => each !== null);
  return known.length === 0
    ? null
    : Math.min(
        MAX_TOKENS,
        known.reduce((all, each) => all + each, 0),
      );
}

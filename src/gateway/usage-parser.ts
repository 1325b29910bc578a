/**
 * Reads the tokens that a model's response reports, in the formats of OpenAI (Chat Completions, Responses, Embeddings) and Anthropic
 * (Messages), from its bytes as they pass. Pure: no I/O and no clock.
 */
import { AnthropicCounter, OpenAiCounter } from "./token-counters.ts";
import { EventStream, JsonBody } from "./usage-objects.ts";

/** The formats of {@link UsageParser}. */
export type UsageFormat = "openai" | "anthropic";

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

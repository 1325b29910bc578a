/** Requests and responses as OpenAI (Chat Completions) and Anthropic (Messages) write them, as far as clients and gateways read them. */
import type { Completion } from "./completion.ts";

/** What both kinds of requests ask for. */
export interface ModelRequest {
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number | null;
  readonly stream: boolean;
  /** Whether a stream reports its usage: for OpenAI's only if it is asked for. */
  readonly includeUsage: boolean;
}

/** An event of a stream: its name, if the format has names, and its data. */
export interface ModelEvent {
  readonly name?: string;
  readonly data: string;
}

/** How an API writes a completion. `usage` false leaves its usage out. */
export interface Format {
  read(body: unknown): ModelRequest | null;
  whole(completion: Completion, model: string, usage: boolean): object;
  /** The first event, an event for each word, and what comes at the end. */
  start(completion: Completion, model: string): readonly ModelEvent[];
  word(word: string, model: string): ModelEvent;
  end(completion: Completion, model: string, usage: boolean): readonly ModelEvent[];
}

interface Fields {
  readonly [name: string]: unknown;
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

/** The text of all messages; null if there are none. */
function promptOf(messages: unknown): string | null {
  if (!Array.isArray(messages) || messages.length === 0) return null;
  return messages.map((message: unknown) => (isFields(message) ? textOf(message["content"]) : "")).join("\n");
}

function textOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content.map((part: unknown) => (isFields(part) ? textOf(part["text"]) : "")).join(" ");
}

function requestOf(body: unknown, maxTokens: readonly string[], includeUsage: boolean): ModelRequest | null {
  if (!isFields(body)) return null;
  const prompt = promptOf(body["messages"]);
  if (prompt === null) return null;
  const limits = maxTokens.map((name) => body[name]).filter((value) => typeof value === "number");
  return {
    model: typeof body["model"] === "string" ? body["model"] : "fake",
    prompt,
    maxTokens: limits.length === 0 ? null : Math.max(1, Math.floor(Math.min(...limits))),
    stream: body["stream"] === true,
    includeUsage,
  };
}

function openAiUsage({ promptTokens, words }: Completion): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: words.length,
    total_tokens: promptTokens + words.length,
  };
}

const chunk = (model: string, choices: readonly object[], more: object = {}): ModelEvent => ({
  data: JSON.stringify({ id: "chatcmpl-1", object: "chat.completion.chunk", model, choices, ...more }),
});

export const openAi: Format = {
  read(body) {
    const options = isFields(body) ? body["stream_options"] : null;
    const includeUsage = isFields(options) && options["include_usage"] === true;
    return requestOf(body, ["max_tokens", "max_completion_tokens"], includeUsage);
  },
  whole: (completion, model, usage) => ({
    id: "chatcmpl-1",
    object: "chat.completion",
    model,
    choices: [
      {
        index: 0,
        message: { role: "assistant", content: completion.words.join(" ") },
        finish_reason: "stop",
      },
    ],
    ...(usage ? { usage: openAiUsage(completion) } : {}),
  }),
  start: (_completion, model) => [chunk(model, [{ index: 0, delta: { role: "assistant" } }])],
  word: (word, model) => chunk(model, [{ index: 0, delta: { content: `${word} ` } }]),
  end: (completion, model, usage) => [
    chunk(model, [{ index: 0, delta: {}, finish_reason: "stop" }]),
    ...(usage ? [chunk(model, [], { usage: openAiUsage(completion) })] : []),
    { data: "[DONE]" },
  ],
};

const event = (type: string, fields: object): ModelEvent => ({
  name: type,
  data: JSON.stringify({ type, ...fields }),
});

export const anthropic: Format = {
  read: (body) => requestOf(body, ["max_tokens"], true),
  whole: (completion, model, usage) => ({
    id: "msg_1",
    type: "message",
    role: "assistant",
    model,
    content: [{ type: "text", text: completion.words.join(" ") }],
    stop_reason: "end_turn",
    ...(usage
      ? { usage: { input_tokens: completion.promptTokens, output_tokens: completion.words.length } }
      : {}),
  }),
  start: ({ promptTokens }, model) => [
    event("message_start", {
      message: {
        id: "msg_1",
        type: "message",
        model,
        usage: { input_tokens: promptTokens, output_tokens: 1 },
      },
    }),
    event("content_block_start", { index: 0, content_block: { type: "text", text: "" } }),
  ],
  word: (word) => event("content_block_delta", { index: 0, delta: { type: "text_delta", text: `${word} ` } }),
  end: ({ words }, _model, usage) => [
    event("content_block_stop", { index: 0 }),
    event("message_delta", {
      delta: { stop_reason: "end_turn", stop_sequence: null },
      ...(usage ? { usage: { output_tokens: words.length } } : {}),
    }),
    event("message_stop", {}),
  ],
};

/** The usage that models' responses report: each format, and any way to split, break off or spoil it. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MAX_BODY, MAX_EVENT } from "../../src/gateway/usage-objects.ts";
import { type UsageFormat, UsageParser } from "../../src/gateway/usage-parser.ts";

const SSE = "text/event-stream; charset=utf-8";
const JSON_TYPE = "application/json";
const encoder = new TextEncoder();

interface Sample {
  readonly format: UsageFormat;
  readonly type: string | null;
  readonly text: string;
  /** Of the whole response. */
  readonly tokens: number | null;
}

function read({ format, type, text }: Omit<Sample, "tokens">, cuts: readonly number[] = [], isWhole = true) {
  const parser = new UsageParser(format, type);
  const bytes = encoder.encode(text);
  const at = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).toSorted((a, b) => a - b), bytes.length];
  at.slice(1).forEach((end, i) => parser.push(bytes.subarray(at[i], end)));
  return parser.tokens(isWhole);
}

function events(...all: readonly (string | object)[]): string {
  return all
    .map((event) => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`)
    .join("");
}

/** Anthropic names its events too. */
function namedEvents(...all: readonly { readonly type: string; readonly [name: string]: unknown }[]): string {
  return all.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join("");
}

const CHUNK = { id: "c1", object: "chat.completion.chunk", choices: [{ delta: { content: "für 😀" } }] };
const OPENAI_USAGE = {
  prompt_tokens: 19,
  completion_tokens: 10,
  total_tokens: 29,
  prompt_tokens_details: { cached_tokens: 4, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 2 },
};
const CHAT = events(
  { ...CHUNK, usage: null },
  { ...CHUNK, usage: null },
  { ...CHUNK, choices: [], usage: OPENAI_USAGE },
  "[DONE]",
);
const RESPONSES = namedEvents(
  { type: "response.created", response: { usage: null } },
  { type: "response.output_text.delta", delta: "für 😀" },
  {
    type: "response.completed",
    response: { output: [], usage: { input_tokens: 37, output_tokens: 11, total_tokens: 48 } },
  },
);
const STARTED = {
  type: "message_start",
  message: {
    type: "message",
    content: [],
    usage: {
      input_tokens: 25,
      cache_creation_input_tokens: 100,
      cache_read_input_tokens: null,
      output_tokens: 1,
    },
  },
};
const STOPPED = {
  type: "message_delta",
  delta: { stop_reason: "end_turn", stop_sequence: null },
  usage: { output_tokens: 15 },
};
const MESSAGE_START = namedEvents(
  STARTED,
  { type: "ping" },
  { type: "content_block_delta", delta: { type: "text_delta", text: "für 😀" } },
);
const MESSAGES = MESSAGE_START + namedEvents(STOPPED, { type: "message_stop" });

const SAMPLES: Record<string, Sample> = {
  "a chat completion": {
    format: "openai",
    type: JSON_TYPE,
    text: JSON.stringify({ choices: [{ message: { content: "für 😀" } }], usage: OPENAI_USAGE }),
    tokens: 29,
  },
  "a chat completion without a total": {
    format: "openai",
    type: null,
    text: '{"usage": {"prompt_tokens": 3, "completion_tokens": 4}}',
    tokens: 7,
  },
  "an embedding": {
    format: "openai",
    type: JSON_TYPE,
    text: '{"data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}',
    tokens: 8,
  },
  "a response": {
    format: "openai",
    type: JSON_TYPE,
    text: '{"object": "response", "usage": {"input_tokens": 36, "output_tokens": 87, "total_tokens": 123}}',
    tokens: 123,
  },
  "a chat stream": { format: "openai", type: SSE, text: CHAT, tokens: 29 },
  "a chat stream with CRLF": { format: "openai", type: SSE, text: CHAT.replaceAll("\n", "\r\n"), tokens: 29 },
  "a chat stream with CR": { format: "openai", type: SSE, text: CHAT.replaceAll("\n", "\r"), tokens: 29 },
  "a chat stream with a byte order mark and a comment": {
    format: "openai",
    type: SSE,
    text: `\uFEFF${events({ choices: [], usage: OPENAI_USAGE })}: a comment\n\n`,
    tokens: 29,
  },
  "a chat stream without an end of its last event": {
    format: "openai",
    type: SSE,
    text: events({ ...CHUNK, usage: null }, { choices: [], usage: OPENAI_USAGE }).trimEnd(),
    tokens: 29,
  },
  "a chat stream that counts as it goes": {
    format: "openai",
    type: SSE,
    text: events(
      { ...CHUNK, usage: { total_tokens: 20 } },
      { ...CHUNK, usage: { total_tokens: 22 } },
      "[DONE]",
    ),
    tokens: 22,
  },
  "an event in several lines": {
    format: "openai",
    type: SSE,
    text: 'data: {"choices": [],\r\ndata:"usage":\r\nid: 7\r\ndata: {"total_tokens": 5}}\r\n',
    tokens: 5,
  },
  "a response's stream": { format: "openai", type: SSE, text: RESPONSES, tokens: 48 },
  "a message": {
    format: "anthropic",
    type: JSON_TYPE,
    text: JSON.stringify({ ...STARTED.message, usage: { ...STARTED.message.usage, output_tokens: 9 } }),
    tokens: 134,
  },
  "a message's stream": { format: "anthropic", type: SSE, text: MESSAGES, tokens: 140 },
  "a message's stream that counts its input again": {
    format: "anthropic",
    type: SSE,
    text:
      MESSAGE_START +
      namedEvents(
        { ...STOPPED, delta: { ...STOPPED.delta, stop_reason: null }, usage: { output_tokens: 3 } },
        { ...STOPPED, usage: { input_tokens: 30, output_tokens: 15 } },
      ),
    tokens: 145,
  },
  "a stream that leaves usage out": {
    format: "openai",
    type: SSE,
    text: events(CHUNK, "[DONE]"),
    tokens: null,
  },
  "a message that never stopped": { format: "anthropic", type: SSE, text: MESSAGE_START, tokens: null },
  "a body that is not JSON": { format: "openai", type: JSON_TYPE, text: '{"usage": {"total', tokens: null },
  "a body that is no object": { format: "anthropic", type: JSON_TYPE, text: '"usage"', tokens: null },
  "an empty body": { format: "openai", type: JSON_TYPE, text: "", tokens: null },
  "an event that is not JSON": {
    format: "openai",
    type: SSE,
    text: `${events({ usage: { total_tokens: 4 } })}data: {"usage": {"total_tokens": 5\n\n`,
    tokens: 4,
  },
  "counts that are none": {
    format: "openai",
    type: SSE,
    text: events(...["5", -1, 1.5, 1e10, null, [], {}].map((bad) => ({ usage: { total_tokens: bad } })), {
      usage: [],
    }),
    tokens: null,
  },
  "words about usage": {
    format: "openai",
    type: SSE,
    text: events({ choices: [{ delta: { content: '"usage": {"total_tokens": 9}' } }] }),
    tokens: null,
  },
};

describe("the tokens of a response", () => {
  it.each(Object.entries(SAMPLES))("are those of its last usage: %s", (_what, sample) => {
    expect(read(sample)).toBe(sample.tokens);
  });

  it("are the same however its bytes are split", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...Object.values(SAMPLES)),
        fc.array(fc.nat(10_000), { maxLength: 40 }),
        (sample, cuts) => {
          expect(read(sample, cuts)).toBe(sample.tokens);
        },
      ),
      { numRuns: Number(process.env["USAGE_RUNS"] ?? 500) },
    );
    for (const sample of Object.values(SAMPLES)) {
      const everywhere = Array.from({ length: sample.text.length * 2 }, (_, i) => i);
      expect(read(sample, everywhere)).toBe(sample.tokens);
    }
  });

  it("are unknown or final if it breaks off anywhere, never fewer", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Object.values(SAMPLES)), fc.nat(10_000), (sample, cut) => {
        const text = sample.text.slice(0, cut % (sample.text.length + 1));
        expect([null, sample.tokens]).toContain(read({ ...sample, text }, [], false));
      }),
      { numRuns: Number(process.env["USAGE_RUNS"] ?? 500) },
    );
    // What no later event can change is known, although the end is missing.
    for (const [format, text, tokens] of [
      ["openai", CHAT.replace("data: [DONE]\n\n", ""), 29],
      ["openai", RESPONSES, 48],
      ["anthropic", MESSAGES.slice(0, MESSAGES.indexOf("event: message_stop")), 140],
    ] as const) {
      expect(read({ format, type: SSE, text }, [], false)).toBe(tokens);
    }
  });
});

describe("what is too long", () => {
  const body = (padding: number) => JSON.stringify({ text: "x".repeat(padding), usage: { total_tokens: 7 } });
  const longest = MAX_BODY - body(0).length;

  it("is read at its end, where models report usage: a body", () => {
    const sample = { format: "openai", type: JSON_TYPE } as const;
    for (const cuts of [[], [1_000, 500_000], [MAX_BODY - 40, MAX_BODY]]) {
      for (const padding of [longest, longest + 1, 3 * MAX_BODY]) {
        expect(read({ ...sample, text: body(padding) }, cuts)).toBe(7);
      }
      const before = JSON.stringify({ usage: { total_tokens: 7 }, text: "x".repeat(MAX_BODY) });
      expect(read({ ...sample, text: before }, cuts)).toBeNull();
    }
  });

  it("is read at its end, where models report usage: an event", () => {
    const sample = { format: "openai", type: SSE } as const;
    const usage = { total_tokens: 7 };
    const completed = (padding: number) => ({
      type: "response.completed",
      // A client can make a model repeat its instructions.
      response: { instructions: "x".repeat(padding), usage, user: null, metadata: { a: "b" } },
      sequence_number: 9,
    });
    const before = events({ usage: { total_tokens: 3 } });
    const most = MAX_EVENT - JSON.stringify(completed(0)).length;
    for (const cuts of [[], [40_000], [70_000, 70_001, 140_000]]) {
      for (const padding of [most, most + 1, 3 * MAX_EVENT]) {
        expect(read({ ...sample, text: before + events(completed(padding)) }, cuts)).toBe(7);
        expect(read({ ...sample, text: before + events({ text: "x".repeat(padding), usage }) }, cuts)).toBe(
          7,
        );
        const lines = events(completed(padding)).replace(',"usage"', ',\ndata: "usage"');
        expect(read({ ...sample, text: before + lines }, cuts)).toBe(7);
      }
      const first = events({ usage, text: "x".repeat(MAX_EVENT) });
      expect(read({ ...sample, text: before + first }, cuts)).toBe(3);
    }
    expect(read({ ...sample, text: events(completed(MAX_EVENT)) }, [], false)).toBe(7);
  });

  it("never takes a usage that a client injected elsewhere", () => {
    const real = '"usage": {"total_tokens": 900}';
    const fake = '"usage": {"total_tokens": 1}';
    const padding = `"text": "${"x".repeat(MAX_BODY)}"`;
    const texts = [
      `{${padding}, ${real}, "user": ${JSON.stringify(fake)}}`,
      `{${padding}, "choices": [{${fake}}], ${real}}`,
      `{${padding}, ${real}, "metadata": {${fake}}}`,
      `{${padding}, ${real}, "list": [{${fake}}]}`,
      `{${padding}, ${real}, "metadata": {"a \\"usage": {"total_tokens": 1}}}`,
    ];
    for (const text of texts) {
      const ended = `data: {"type": "response.completed", "response": ${text}}\n\n`;
      for (const wrapped of [text, `data: ${text}\n\n`, ended]) {
        const type = wrapped.startsWith("data") ? SSE : JSON_TYPE;
        expect([900, null], wrapped.slice(-120)).toContain(read({ format: "openai", type, text: wrapped }));
      }
      const other = `data: {"type": "response.created", "response": ${text}}\n\n`;
      expect(read({ format: "openai", type: SSE, text: other })).toBeNull();
    }
  });

  it("takes no memory: a stream whose events never end", () => {
    const parser = new UsageParser("anthropic", SSE);
    const piece = encoder.encode(`data: ${"x".repeat(65_000)}`);
    for (let i = 0; i < 1_000; i++) parser.push(piece);
    parser.push(encoder.encode(`\n\n${MESSAGES}`));
    expect(parser.tokens(true)).toBe(140);
  });
});

/**
 * A server that behaves like those of language models: it streams tokens, takes its time, sometimes fails and sometimes leaves its usage
 * out. It counts what it generates for each user, so that a gateway's ledger can be compared with it.
 *
 * `node examples/llm/model.ts` listens on 127.0.0.1, on PORT (8790), and takes TOKEN_MS (20) for a token. Stores nothing.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout } from "node:timers/promises";
import { BEHAVIOURS, type Behaviour, complete, moodOf } from "./completion.ts";
import { anthropic, type Format, type ModelEvent, type ModelRequest, openAi } from "./formats.ts";

const MAX_BODY = 1_048_576;
const FORMATS: Readonly<Record<string, Format>> = {
  "/v1/chat/completions": openAi,
  "/v1/messages": anthropic,
};

/** What a user has got. */
export interface Counted {
  requests: number;
  /** Of prompts and completions, generated before the reader left or the stream broke off. */
  tokens: number;
  /** Of these, the tokens whose usage no response has reported. */
  unreported: number;
}

export class Model {
  /** By the `X-User-Id` that the gateway sends. */
  readonly counted = new Map<string, Counted>();
  /** Responses under way. */
  open = 0;
  readonly #tokenMs: number;
  #turns = 0;

  constructor(tokenMs: number) {
    this.#tokenMs = tokenMs;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? "/", "http://model").pathname;
    if (path === "/counted") return send(response, 200, Object.fromEntries(this.counted));
    const format = FORMATS[path];
    if (!format || request.method !== "POST") return send(response, 404, errorOf("no such endpoint"));
    const asked = format.read(await jsonOf(request));
    if (!asked) return send(response, 400, errorOf("expected JSON with messages"));
    const behaviour = this.#behaviourOf(asked.model);
    if (!behaviour) return send(response, 404, errorOf(`no model "${asked.model}"`));
    if (behaviour === "fake-failing") return send(response, 503, errorOf("the model is overloaded"));
    this.open += 1;
    try {
      await this.#generate(asked, behaviour, format, String(request.headers["x-user-id"] ?? ""), response);
    } finally {
      this.open -= 1;
    }
  }

  #behaviourOf(model: string): Behaviour | null {
    const named = BEHAVIOURS.find((behaviour) => behaviour === model) ?? null;
    if (named !== "fake-moody") return named;
    this.#turns += 1;
    return moodOf(this.#turns);
  }

  async #generate(
    { model, prompt, maxTokens, stream, includeUsage }: ModelRequest,
    behaviour: Behaviour,
    format: Format,
    user: string,
    response: ServerResponse,
  ): Promise<void> {
    const completion = complete(prompt, maxTokens);
    const { promptTokens, words } = completion;
    const usage = behaviour !== "fake-silent" && (includeUsage || !stream);
    const counted = this.counted.get(user) ?? { requests: 0, tokens: 0, unreported: 0 };
    this.counted.set(user, counted);
    counted.requests += 1;
    counted.tokens += promptTokens;
    let generated = 0;
    const breaksAfter = behaviour === "fake-breaking" ? Math.ceil(words.length / 2) : Infinity;
    if (stream) {
      response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-cache" });
      write(response, format.start(completion, model));
    }
    for (const word of words) {
      if (this.#tokenMs > 0) await setTimeout(this.#tokenMs);
      if (response.destroyed) break;
      if (generated === breaksAfter) {
        response.destroy();
        break;
      }
      if (stream) write(response, [format.word(word, model)]);
      generated += 1;
    }
    counted.tokens += generated;
    const isWhole = generated === words.length && !response.destroyed;
    if (!isWhole || !usage) counted.unreported += promptTokens + generated;
    if (!isWhole) return;
    if (!stream) return send(response, 200, format.whole(completion, model, usage));
    write(response, format.end(completion, model, usage));
    response.end();
  }
}

function write(response: ServerResponse, events: readonly ModelEvent[]): void {
  for (const { name, data } of events)
    response.write(`${name === undefined ? "" : `event: ${name}\n`}data: ${data}\n\n`);
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}

function errorOf(message: string): object {
  return { error: { type: "invalid_request_error", message } };
}

/** The body as JSON; null if it is none, or too long. */
async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    length += Buffer.byteLength(chunk);
    if (length > MAX_BODY) return null;
    chunks.push(Buffer.from(chunk));
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString());
  } catch {
    return null;
  }
}

/** Starts a model on 127.0.0.1. @param port 0: any free one. */
export async function startModel(port: number, tokenMs: number): Promise<{ model: Model; server: Server }> {
  const model = new Model(tokenMs);
  const server = createServer((request, response) => {
    // A reader that has left.
    model.answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject).listen(port, "127.0.0.1", resolve);
  });
  return { model, server };
}

if (import.meta.main) {
  const port = Number(process.env["PORT"] ?? 8790);
  await startModel(port, Number(process.env["TOKEN_MS"] ?? 20));
  console.log(`A fake model is running at http://127.0.0.1:${port} (Ctrl-C stops it)`);
}

/** A receiver of webhooks that works or misbehaves, as its path says, and records each message that it gets. Verifies nothing by itself. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { z } from "zod";

const messageSchema = z.object({
  type: z.string(),
  timestamp: z.string(),
  data: z.looseObject({ account: z.string().nullish() }),
});

export interface Message {
  readonly path: string;
  readonly atMs: number;
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly raw: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>> & { readonly account?: string | null | undefined };
}

export class HookReceiver {
  readonly messages: Message[] = [];
  /** Answers 200 to a path whatever it is, instead of misbehaving. */
  readonly repaired = new Set<string>();
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    server.on("request", (request, response) => void this.#take(request, response));
  }

  static async start(): Promise<HookReceiver> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    const receiver = new HookReceiver(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return receiver;
  }

  url(path: string): string {
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("no address");
    return `http://127.0.0.1:${address.port}${path}`;
  }

  /** The messages to a path, in the order in which they came. */
  at(path: string): Message[] {
    return this.messages.filter((message) => message.path === path);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks).toString();
    const path = request.url ?? "";
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    );
    const { type, data } = messageSchema.parse(JSON.parse(raw));
    this.messages.push({ path, atMs: Date.now(), id: headers["webhook-id"] ?? "", headers, raw, type, data });
    this.#answer(this.repaired.has(path) ? "/ok" : path, response);
  }

  #answer(path: string, response: ServerResponse): void {
    switch (path) {
      case "/hangs":
        return;
      case "/500":
        response.writeHead(500).end("broken");
        return;
      case "/410":
        response.writeHead(410).end();
        return;
      case "/redirects":
        response.writeHead(307, { Location: this.url("/target") }).end();
        return;
      case "/dies":
        response.socket?.resetAndDestroy();
        return;
      case "/dies-in-answer":
        response.writeHead(200, { "Content-Length": "1000" });
        response.write("half", () => response.socket?.resetAndDestroy());
        return;
      case "/endless":
        response.writeHead(200);
        pour(response);
        return;
      default:
        response.writeHead(204).end();
    }
  }
}

/** Writes for as long as the other side reads. */
function pour(response: ServerResponse): void {
  const piece = Buffer.alloc(65_536, "x");
  const more = (): void => {
    while (!response.destroyed && response.write(piece));
    response.once("drain", more);
  };
  response.on("error", () => undefined);
  more();
}

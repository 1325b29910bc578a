/** An origin on a port of its own that can be made to fail in every way, and counts what reaches it. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

/**
 * `refuses`: nothing listens. `hangs`: takes requests and never answers. `unavailable`: 503. `dies`: breaks its connection in the middle of
 * a body.
 */
export type Fault = "refuses" | "hangs" | "unavailable" | "dies";

export const BODY = "the whole body of an answer, ".repeat(100);

export class FaultyOrigin {
  #server: Server | null = null;
  #port = 0;
  #fault: Fault | null = null;
  /** Requests that reached it, without probes. */
  requests = 0;
  probes = 0;
  /** How often each POST reached it, by its path. */
  readonly posts = new Map<string, number>();

  static async start(): Promise<FaultyOrigin> {
    const origin = new FaultyOrigin();
    await origin.#listen();
    return origin;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async fail(fault: Fault): Promise<void> {
    this.#fault = fault;
    if (fault === "refuses") this.close();
  }

  async recover(): Promise<void> {
    this.#fault = null;
    if (!this.#server) await this.#listen();
  }

  close(): void {
    this.#server?.closeAllConnections();
    this.#server?.close();
    this.#server = null;
  }

  async #listen(): Promise<void> {
    const server = createServer((incoming, answer) => this.#answer(incoming, answer));
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (typeof address !== "object" || address === null) throw new Error("no address");
    this.#port = address.port;
    this.#server = server;
  }

  #answer(incoming: IncomingMessage, answer: ServerResponse): void {
    const { url = "", method } = incoming;
    const fault = this.#fault;
    if (url === "/health") {
      this.probes += 1;
      if (fault !== "hangs") answer.writeHead(fault === null ? 200 : 503).end();
      return;
    }
    this.requests += 1;
    if (method === "POST") this.posts.set(url, (this.posts.get(url) ?? 0) + 1);
    incoming.resume();
    switch (fault) {
      case null:
        answer.writeHead(200, { "Content-Length": BODY.length }).end(BODY);
        return;
      case "unavailable":
        answer.writeHead(503).end("unavailable");
        return;
      case "dies":
        answer.writeHead(200, { "Content-Length": BODY.length });
        answer.write(BODY.slice(0, 50), () => incoming.socket.destroy());
        return;
      case "hangs":
      case "refuses":
    }
  }
}

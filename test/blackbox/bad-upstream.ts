/** An upstream that misbehaves below HTTP, on raw connections, as the path says. Stores nothing that it receives. */
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";

const PIECE = Buffer.alloc(64 * 1_024, "x");
/** Bytes of `/huge`. */
export const HUGE = 192 * 1_024 * 1_024;

export class BadUpstream {
  readonly #server: Server;
  readonly #open = new Set<Socket>();

  private constructor(server: Server) {
    this.#server = server;
    server.on("connection", (socket) => {
      this.#open.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => this.#open.delete(socket));
      socket.once("data", (head) => misbehave(socket, /^\S+ \/up\/(\w+)/.exec(String(head))?.[1] ?? ""));
    });
  }

  static async start(): Promise<BadUpstream> {
    const server = createServer();
    const upstream = new BadUpstream(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return upstream;
  }

  get url(): string {
    const address = this.#server.address();
    if (typeof address !== "object" || address === null) throw new Error("no address");
    return `http://127.0.0.1:${address.port}`;
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#open.size;
  }

  stop(): void {
    for (const socket of this.#open) socket.destroy();
    this.#server.close();
  }
}

function misbehave(socket: Socket, how: string): void {
  const head = (length: string) => `HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n${length}\r\n\r\n`;
  switch (how) {
    case "refuses":
      socket.destroy();
      return;
    case "babbles":
      socket.end("this is not HTTP\r\n\r\n");
      return;
    case "hangs":
      return;
    case "resets":
      socket.write(`${head("Content-Length: 1000")}half`, () => socket.resetAndDestroy());
      return;
    case "endless":
      socket.write(head("Connection: close"));
      pour(socket, Infinity);
      return;
    case "huge":
      socket.write(head(`Content-Length: ${HUGE}`));
      pour(socket, HUGE);
      return;
    default:
      socket.end(`${head("Content-Length: 2\r\nConnection: close")}ok`);
  }
}

/** Writes as fast as the other side reads. */
function pour(socket: Socket, total: number): void {
  let left = total;
  const more = (): void => {
    while (left > 0 && !socket.destroyed) {
      left -= PIECE.length;
      if (!socket.write(PIECE)) {
        socket.once("drain", more);
        return;
      }
    }
  };
  more();
}

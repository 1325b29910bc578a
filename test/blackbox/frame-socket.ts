/**
 * A WebSocket frame by frame (RFC 6455), on either side, for what a well-behaved library does not do: disconnect without a close
 * frame, read nothing, inspect the handshake.
 */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type Server } from "node:http";
import type { Socket } from "node:net";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;

export interface Frame {
  readonly opcode: number;
  readonly payload: Buffer;
}

export class FrameSocket {
  readonly socket: Socket;
  /** The other side's headers in the handshake. */
  readonly headers: IncomingMessage["headers"];
  readonly #isClient: boolean;
  #unread = Buffer.alloc(0);
  readonly #frames: Frame[] = [];
  #isEnded = false;
  #wake = (): void => undefined;

  constructor(socket: Socket, headers: IncomingMessage["headers"], isClient: boolean, head: Buffer) {
    this.socket = socket;
    this.headers = headers;
    this.#isClient = isClient;
    const ended = (): void => {
      this.#isEnded = true;
      this.#wake();
    };
    socket
      .on("error", () => undefined)
      .on("close", ended)
      .on("end", ended);
    socket.on("data", (chunk: Buffer) => this.#take(chunk));
    this.#take(head);
  }

  send(opcode: number, payload: Buffer | string): void {
    const body = Buffer.from(payload);
    const length = Buffer.alloc(10);
    let size = 2;
    length[0] = 0x80 | opcode;
    if (body.length < 126) length[1] = body.length;
    else if (body.length < 65_536) {
      length[1] = 126;
      length.writeUInt16BE(body.length, 2);
      size = 4;
    } else {
      length[1] = 127;
      length.writeBigUInt64BE(BigInt(body.length), 2);
      size = 10;
    }
    if (!this.#isClient) {
      this.socket.write(Buffer.concat([length.subarray(0, size), body]));
      return;
    }
    const mask = randomBytes(4);
    length[1] = (length[1] ?? 0) | 0x80;
    this.socket.write(Buffer.concat([length.subarray(0, size), mask, masked(body, mask)]));
  }

  close(code: number, reason = ""): void {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    this.send(CLOSE, Buffer.concat([payload, Buffer.from(reason)]));
  }

  /** The next frame; null once the connection has ended. */
  async next(): Promise<Frame | null> {
    for (;;) {
      const frame = this.#frames.shift();
      if (frame) return frame;
      if (this.#isEnded) return null;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The other side's close code and reason; null if it disconnects. Skips earlier frames. */
  async closed(): Promise<string | null> {
    for (let frame = await this.next(); frame; frame = await this.next()) {
      if (frame.opcode !== CLOSE) continue;
      const { payload } = frame;
      return payload.length < 2
        ? "none"
        : `${payload.readUInt16BE(0)} ${payload.subarray(2).toString()}`.trim();
    }
    return null;
  }

  #take(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    for (let frame = this.#parse(); frame; frame = this.#parse()) this.#frames.push(frame);
    this.#wake();
  }

  #parse(): Frame | null {
    const data = this.#unread;
    if (data.length < 2) return null;
    const [first = 0, second = 0] = data;
    let length = second & 0x7f;
    let at = 2;
    if (length === 126) {
      if (data.length < 4) return null;
      length = data.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (data.length < 10) return null;
      length = Number(data.readBigUInt64BE(2));
      at = 10;
    }
    const isMasked = (second & 0x80) !== 0;
    const start = at + (isMasked ? 4 : 0);
    if (data.length < start + length) return null;
    const body = data.subarray(start, start + length);
    const payload = isMasked ? masked(body, data.subarray(at, start)) : Buffer.from(body);
    this.#unread = data.subarray(start + length);
    return { opcode: first & 15, payload };
  }
}

function masked(body: Buffer, mask: Buffer): Buffer {
  const out = Buffer.from(body);
  for (let i = 0; i < out.length; i++) out[i] = (out[i] ?? 0) ^ (mask[i & 3] ?? 0);
  return out;
}

/** Opens a WebSocket, or returns the response that came instead. */
export async function connect(
  url: URL,
  headers: Record<string, string> = {},
): Promise<FrameSocket | IncomingMessage> {
  const outgoing = request(url, {
    agent: false,
    headers: {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
      ...headers,
    },
  });
  outgoing.end();
  return new Promise((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (answer) => resolve(answer.resume()));
    outgoing.on("upgrade", (answer, socket, head) => {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- HTTP without TLS runs over a socket.
      resolve(new FrameSocket(socket as Socket, answer.headers, true, head));
    });
  });
}

/** A WebSocket server: passes each connection to `accepted`, with the first offered subprotocol. */
export async function listen(
  accepted: (socket: FrameSocket) => void,
): Promise<{ server: Server; url: string }> {
  const server = createServer((_incoming, answer) => void answer.writeHead(426).end());
  server.on("upgrade", (incoming, socket, head) => {
    const key = incoming.headers["sec-websocket-key"] ?? "";
    const [protocol] = (incoming.headers["sec-websocket-protocol"] ?? "").split(/, */);
    socket.write(
      [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        `Sec-WebSocket-Accept: ${createHash("sha1")
          .update(key + GUID)
          .digest("base64")}`,
        ...(protocol ? [`Sec-WebSocket-Protocol: ${protocol}`] : []),
        "\r\n",
      ].join("\r\n"),
    );
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- as above.
    accepted(new FrameSocket(socket as Socket, incoming.headers, false, head));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return { server, url: `http://127.0.0.1:${address.port}` };
}

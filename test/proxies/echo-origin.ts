/** An API behind a proxy that keeps what reaches it, as it was written. */
import { createServer, type IncomingHttpHeaders } from "node:http";

export interface Received {
  readonly method: string;
  /** The target of the request, unparsed. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface EchoOrigin {
  readonly port: number;
  /** Takes what has arrived since the last call. */
  received(): Received[];
  close(): Promise<void>;
}

export async function startOrigin(): Promise<EchoOrigin> {
  let arrived: Received[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { method = "", url = "", headers } = request;
    arrived.push({ method, target: url, headers, body });
    response.writeHead(200, { "Content-Type": "text/plain", "X-Origin": "yes" }).end("from the origin");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the origin has no port");
  return {
    port: address.port,
    received() {
      const taken = arrived;
      arrived = [];
      return taken;
    },
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

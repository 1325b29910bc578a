/** Sends the bytes of a request as they are, which no HTTP client would. */
import { connect } from "node:net";

const TIMEOUT_MS = 10_000;

/** The status of the first response; 0: the connection was closed without one. */
export function rawRequest(url: URL, text: string): Promise<number> {
  return new Promise((answered, reject) => {
    const socket = connect(Number(url.port), url.hostname, () => socket.write(text));
    let received = "";
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error("no answer in time")));
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      const status = /^HTTP\/1\.[01] (\d{3})/.exec(received)?.[1];
      if (status === undefined) return;
      answered(Number(status));
      socket.destroy();
    });
    socket.on("close", () => answered(0));
    socket.on("error", reject);
  });
}

/** A GET of this target, as it is written, with these lines. */
export function get(url: URL, target: string, lines: readonly string[] = []): Promise<number> {
  const head = [`GET ${target} HTTP/1.1`, `Host: ${url.host}`, "Connection: close", ...lines];
  return rawRequest(url, `${head.join("\r\n")}\r\n\r\n`);
}

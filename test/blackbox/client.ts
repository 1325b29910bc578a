/** A small HTTP client that records when it sent a request and got the response, to measure the bounds of an exact limiter. */
import { Agent, type IncomingHttpHeaders, request as httpRequest } from "node:http";
import { connect } from "node:net";

/** One connection per client, kept alive between requests. */
const sharedAgent = new Agent({ keepAlive: true, maxSockets: 256, noDelay: true });
/** A request without a response after this time has failed. */
const TIMEOUT_MS = 40_000;

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Connections other than those that all requests share. */
  readonly agent?: Agent;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** Unix ms before the first byte went out. */
  readonly sentMs: number;
  /** Unix ms when the headers of the response had arrived. */
  readonly receivedMs: number;
  json(): unknown;
}

/** The connection broke before the response was complete, or none came in time. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

/** Sends one request: no redirects, no decompression, no retries. @throws NoAnswer */
export function request(
  url: URL,
  { method = "GET", headers = {}, body, agent = sharedAgent }: RequestOptions = {},
): Promise<Answer> {
  return new Promise((answered, reject) => {
    const failed = (cause: Error): void => reject(new NoAnswer(cause.message, { cause }));
    const sentMs = Date.now();
    const outgoing = httpRequest(url, { method, headers, agent, timeout: TIMEOUT_MS }, (incoming) => {
      const receivedMs = Date.now();
      const chunks: Buffer[] = [];
      incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
      incoming.on("error", failed);
      incoming.on("end", () => {
        const whole = Buffer.concat(chunks);
        answered({
          status: incoming.statusCode ?? 0,
          headers: incoming.headers,
          body: whole,
          text: whole.toString(),
          sentMs,
          receivedMs,
          json: (): unknown => JSON.parse(whole.toString()),
        });
      });
    });
    outgoing.on("error", failed);
    outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
    outgoing.end(body);
  });
}

/**
 * Sends one request on a connection of its own, and resets that `afterMs` later, whether or not it has a response. Resolves then. A
 * connection that is only closed tells the runtime nothing: its client may still read.
 */
export function leave(url: URL, headers: Readonly<Record<string, string>>, afterMs: number): Promise<void> {
  return new Promise((left, reject) => {
    const socket = connect(Number(url.port), url.hostname);
    socket.setNoDelay(true);
    socket.once("error", reject);
    socket.resume();
    const fields = Object.entries({ Host: url.host, ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    );
    socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\n${fields.join("")}\r\n`, () => {
      setTimeout(() => {
        socket.resetAndDestroy();
        left();
      }, afterMs);
    });
  });
}

/**
 * Runs this many clients at once, each of which sends again as soon as it has a response, until `isOver`. A client that gets no
 * response stops, so that the load ends when the product is killed. At most 100,000 requests.
 * @returns how many clients got no response. Rejects with any other error of `ask`.
 */
export async function hammer(
  clients: number,
  isOver: () => boolean,
  ask: (client: number) => Promise<void>,
): Promise<number> {
  let left = 100_000;
  const one = async (client: number): Promise<number> => {
    while (!isOver() && left-- > 0) {
      try {
        await ask(client);
      } catch (thrown) {
        if (thrown instanceof NoAnswer) return 1;
        throw thrown;
      }
    }
    return 0;
  };
  const unanswered = await Promise.all(Array.from({ length: clients }, (_, client) => one(client)));
  return unanswered.reduce((sum, n) => sum + n, 0);
}

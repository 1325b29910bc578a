/** Sends requests at given moments, however long the answers take, and reports what each of them met. */
import { Agent, request } from "node:http";

export interface PacedRequest {
  /** When to send it, ms after the start. */
  readonly atMs: number;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface PacedAnswer {
  /** 0: there was no answer in time. */
  readonly status: number;
  /** Where it was decided, and how long that took: from Server-Timing, if the Worker sends it; else "" and 0. */
  readonly source: string;
  readonly limiterMs: number;
}

const MAX_SOCKETS = 512;
/** workerd closes a connection that was idle for 5 s. */
const IDLE_SOCKET_MS = 3_000;
const ANSWER_MS = 20_000;

/** Sends all in order of their time. @throws if a connection fails. */
export async function sendPaced(requests: Iterable<PacedRequest>): Promise<PacedAnswer[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, timeout: IDLE_SOCKET_MS });
  const startedMs = performance.now();
  const answers: Promise<PacedAnswer>[] = [];
  try {
    for (const next of requests) {
      const earlyMs = startedMs + next.atMs - performance.now();
      if (earlyMs > 1) await new Promise((done) => setTimeout(done, earlyMs));
      const answer = send(agent, next);
      // Awaited below: until then a failure is no unhandled rejection.
      answer.catch(() => undefined);
      answers.push(answer);
    }
    return await Promise.all(answers);
  } finally {
    agent.destroy();
  }
}

/** The moments of a steady rate. */
export function* steady(perSecond: number, seconds: number): Generator<number> {
  const everyMs = 1_000 / perSecond;
  for (let n = 0; n < perSecond * seconds; n++) yield n * everyMs;
}

function send(agent: Agent, given: PacedRequest): Promise<PacedAnswer> {
  const { url, headers } = given;
  return new Promise((done, failed) => {
    const asked = request(url, { agent, headers, timeout: ANSWER_MS }, (answer) => {
      answer.resume();
      answer.once("error", failed);
      answer.once("end", () => {
        const timing = String(answer.headers["server-timing"] ?? "");
        const [, ms = "0", source = ""] = /limiter;dur=([\d.]+);desc="([a-z-]+)"/.exec(timing) ?? [];
        done({ status: answer.statusCode ?? 0, source, limiterMs: Number(ms) });
      });
    });
    asked.once("timeout", () => {
      done({ status: 0, source: "", limiterMs: ANSWER_MS });
      asked.destroy();
    });
    asked.once("error", (fault) => {
      // Closed for being idle as the request was sent, so that it was not read.
      const isStale = asked.reusedSocket && "code" in fault && fault.code === "ECONNRESET";
      if (isStale) done(send(agent, given));
      else failed(fault);
    });
    asked.end();
  });
}

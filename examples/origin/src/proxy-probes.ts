/**
 * Endpoints for demos and tests of a proxy in front of this Worker, and for nothing else: each shows one
 * thing that a proxy can get wrong (timeouts, buffering, methods, upgrades, statuses). Must never answer with
 * a header's value, nor wait or stream without a bound.
 */
import type { Context } from "hono";
import { type FieldError, problem } from "./problem.ts";

/** Longer than the time a gateway should wait for an upstream, and still short enough for a test. */
const MAX_SLOW_MS = 10_000;
const MAX_CHUNKS = 1_000;
const MAX_INTERVAL_MS = 1_000;

/** Statuses that have no body by definition (RFC 9110, section 15); Response refuses to give them one. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** `nosniff`, because echoed bytes are the caller's: a browser must not take them for a page of ours. */
const PROBE_HEADERS = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** GET `?ms=` (0 to 10,000, 1,000 by default): answers after that many milliseconds, headers included. */
export async function slow(c: Context): Promise<Response> {
  const ms = integer("ms", c.req.query("ms"), 0, MAX_SLOW_MS, 1_000);
  if (typeof ms !== "number") return problem(c.req.raw, { kind: "malformed", errors: [ms] });
  await elapse(ms);
  return Response.json({ waitedMs: ms }, { headers: PROBE_HEADERS });
}

/**
 * GET `?chunks=` (1 to 1,000, 5 by default) `&intervalMs=` (0 to 1,000, 100 by default): the first chunk
 * comes at once.
 */
export function stream(c: Context): Response {
  const chunks = integer("chunks", c.req.query("chunks"), 1, MAX_CHUNKS, 5);
  const intervalMs = integer("intervalMs", c.req.query("intervalMs"), 0, MAX_INTERVAL_MS, 100);
  if (typeof chunks !== "number" || typeof intervalMs !== "number") {
    const errors = [chunks, intervalMs].filter((value) => typeof value !== "number");
    return problem(c.req.raw, { kind: "malformed", errors });
  }
  return new Response(timedChunks(chunks, intervalMs), {
    headers: { ...PROBE_HEADERS, "Content-Type": "text/plain; charset=utf-8" },
  });
}

/** Any method: the body back as it comes, the method, and the names of the headers that arrived, sorted. */
export function echo(c: Context): Response {
  // Piped, because a body given back as it is fails ("already used") where the caller is another Worker.
  const body = c.req.raw.body?.pipeThrough(new TransformStream<Uint8Array, Uint8Array>()) ?? null;
  return new Response(body, {
    headers: {
      ...PROBE_HEADERS,
      "Content-Type": "application/octet-stream",
      "X-Echo-Headers": [...c.req.raw.headers.keys()].toSorted().join(","),
      "X-Echo-Method": c.req.raw.method,
    },
  });
}

/** GET with `Upgrade: websocket`: sends each message back as it came, text as text and bytes as bytes. */
export function webSocketEcho(c: Context): Response {
  if (c.req.header("Upgrade")?.toLowerCase() !== "websocket")
    return problem(c.req.raw, { kind: "upgrade-required" });
  const { 0: client, 1: server } = new WebSocketPair();
  // The default is Blob, which `send` does not take.
  server.binaryType = "arraybuffer";
  server.accept();
  server.addEventListener("message", ({ data }) => server.send(data));
  return new Response(null, { status: 101, webSocket: client });
}

/** GET `/status/:code` (200 to 599): that status. 1xx is not a final answer, so it cannot be asked for. */
export function status(c: Context): Response {
  const code = integer("code", c.req.param("code"), 200, 599, 200);
  if (typeof code !== "number") return problem(c.req.raw, { kind: "malformed", errors: [code] });
  if (BODILESS.has(code)) return new Response(null, { status: code, headers: PROBE_HEADERS });
  return Response.json({ status: code }, { status: code, headers: PROBE_HEADERS });
}

/** Pulled, not pushed: with no room asked ahead, it stands still while nobody reads. */
function timedChunks(count: number, intervalMs: number): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  let sent = 0;
  let cancelled = false;
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        if (sent > 0) await elapse(intervalMs);
        if (cancelled) return;
        sent += 1;
        controller.enqueue(encoder.encode(`chunk ${sent} of ${count}\n`));
        if (sent === count) controller.close();
      },
      cancel() {
        cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
}

function elapse(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

function integer(
  name: string,
  text: string | undefined,
  min: number,
  max: number,
  otherwise: number,
): number | FieldError {
  if (text === undefined) return otherwise;
  const value = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  return value >= min && value <= max ? value : { path: `/${name}`, message: `must be ${min} to ${max}` };
}

/**
 * Endpoints for demos and tests of a proxy in front of this Worker. Each exposes one thing that a proxy can get wrong:
 * timeouts, buffering, methods, upgrades, statuses. Must never return a header's value, and never wait or stream without a
 * bound.
 */
import type { Context } from "hono";
import { type FieldError, problem } from "./problem.ts";

/** Longer than a gateway should wait for an upstream, but short enough for a test. */
const MAX_SLOW_MS = 10_000;
const MAX_CHUNKS = 1_000;
const MAX_INTERVAL_MS = 1_000;

/** Statuses without a body (RFC 9110, section 15). The Response constructor rejects a body for them. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

/** `nosniff`, because the echoed bytes come from the caller: a browser must not render them as a page of this site. */
const PROBE_HEADERS = { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" };

/** GET `?ms=` (0 to 10,000, default 1,000): sends headers and body after that many milliseconds. */
export async function slow(c: Context): Promise<Response> {
  const ms = integer("ms", c.req.query("ms"), 0, MAX_SLOW_MS, 1_000);
  if (typeof ms !== "number") return problem(c.req.raw, { kind: "malformed", errors: [ms] });
  await elapse(ms);
  return Response.json({ waitedMs: ms }, { headers: PROBE_HEADERS });
}

/**
 * GET `?chunks=` (1 to 1,000, default 5) `&intervalMs=` (0 to 1,000, default 100): sends the first chunk at once.
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

/** Any method: streams the body back, with the method and the sorted names of the received headers. */
export function echo(c: Context): Response {
  // Piped, because returning the body itself fails ("already used") if the caller is another Worker.
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

/** GET with `Upgrade: websocket`: sends each message back, text as text and bytes as bytes. */
export function webSocketEcho(c: Context): Response {
  if (c.req.header("Upgrade")?.toLowerCase() !== "websocket")
    return problem(c.req.raw, { kind: "upgrade-required" });
  const { 0: client, 1: server } = new WebSocketPair();
  // The default is Blob, which `send` does not accept.
  server.binaryType = "arraybuffer";
  server.accept();
  server.addEventListener("message", ({ data }) => server.send(data));
  return new Response(null, { status: 101, webSocket: client });
}

/** GET `/status/:code` (200 to 599): responds with that status. 1xx statuses are not final, so they are excluded. */
export function status(c: Context): Response {
  const code = integer("code", c.req.param("code"), 200, 599, 200);
  if (typeof code !== "number") return problem(c.req.raw, { kind: "malformed", errors: [code] });
  if (BODILESS.has(code)) return new Response(null, { status: code, headers: PROBE_HEADERS });
  return Response.json({ status: code }, { status: code, headers: PROBE_HEADERS });
}

/** A pull-based stream without a buffer, so it pauses while the client does not read. */
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

/** A whole number in a query. @param otherwise if it is missing. */
export function integer(
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

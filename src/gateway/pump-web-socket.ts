/**
 * Relays a WebSocket message by message to learn when it closes, which the runtime does not report for one that passes through. Used only
 * on routes with a concurrency limit, since it costs 0.3 ms a round trip and has no back-pressure: messages that a slow peer has not
 * read wait in the isolate's memory, and the runtime does not report how many. So each direction has a bound.
 */

/** Longest message, in bytes (text: characters). A longer one closes both sides with 1009. */
const MAX_MESSAGE = 4 * 1_048_576;
/**
 * What one direction may carry at once, in bytes: at most this much waits for a peer that reads nothing. More closes both sides with
 * 1013. Far below the 128 MB that all requests of an isolate share.
 */
const MAX_BURST = 16 * 1_048_576;
/** Bytes per millisecond that a peer is assumed to read: 1 MiB a second. With a larger value, more messages wait for a slower peer. */
const READ_PER_MS = 1_048_576 / 1_000;

/** How a side closed. */
interface End {
  readonly code: number;
  readonly reason: string;
}

const FAILED: End = { code: 1011, reason: "the other side disconnected" };
const TOO_BIG: End = { code: 1009, reason: "message too big" };
const TOO_FAST: End = { code: 1013, reason: "the other side reads too slowly" };

/** Never sent: 1005 stands for a close frame without a code, 1006 for no close frame (RFC 6455, section 7.4.1). */
const NO_CODE = 1005;
const UNSENDABLE = new Set([1006, 1015]);

/**
 * Takes over `upstream`, and calls `ended` once when either side has closed or disconnected.
 * @returns the client's end, for the response.
 */
export function pumpWebSocket(upstream: WebSocket, ended: () => void): WebSocket {
  const { 0: client, 1: server } = new WebSocketPair();
  let isOpen = true;
  const end = (by: End, ...sides: WebSocket[]): void => {
    if (isOpen) ended();
    isOpen = false;
    for (const side of sides) close(side, by);
  };
  const relay = (from: WebSocket, to: WebSocket): void => {
    const budget = readingBudget();
    from.binaryType = "arraybuffer";
    from.addEventListener("message", ({ data }) => {
      if (!isOpen || data instanceof Blob) return;
      const size = typeof data === "string" ? data.length : data.byteLength;
      if (size > MAX_MESSAGE) end(TOO_BIG, from, to);
      else if (!budget(size)) end(TOO_FAST, from, to);
      else {
        try {
          to.send(data);
        } catch {
          end(FAILED, from, to);
        }
      }
    });
    from.addEventListener("close", ({ code, reason }) => end({ code, reason }, to));
    from.addEventListener("error", () => end(FAILED, to));
    from.accept();
  };
  relay(upstream, server);
  relay(server, upstream);
  return client;
}

/** Whether one more message of this size may wait. */
function readingBudget(): (size: number) => boolean {
  let waiting = 0;
  let atMs = Date.now();
  return (size) => {
    const nowMs = Date.now();
    waiting = Math.max(0, waiting - Math.max(0, nowMs - atMs) * READ_PER_MS) + size;
    atMs = nowMs;
    return waiting <= MAX_BURST;
  };
}

/** Closes as the other side did, as far as a close frame can express it. Does nothing if it is closed already. */
function close(side: WebSocket, { code, reason }: End): void {
  try {
    if (code === NO_CODE) side.close();
    else if (UNSENDABLE.has(code)) side.close(FAILED.code, FAILED.reason);
    else side.close(code, reason);
  } catch {
    // Already closed, or the code is not one that an application may send.
  }
}

/** Counts the billed operations of requests of one kind, per 1,000 of them. Times nothing. */
import { DEFAULT_DELAY_MS } from "../src/analytics/batch.ts";
import { CHECKPOINT_AFTER_MS } from "../src/objects/object-call.ts";
import { counted, since } from "./cost.ts";
import type { Figures } from "./over-budget.ts";
import type { Operations } from "./price.ts";

/** A user's object writes its state when the user pauses. Those rows belong to the decisions before. */
const IDLE_MS = CHECKPOINT_AFTER_MS + 1_500;
/** Points of a user with a steady rate are counted too: they wait in the isolate. */
const PACED_IDLE_MS = DEFAULT_DELAY_MS + 1_000;
const COUNT = 1_000;

/** Requests of one kind. */
export interface Series {
  readonly method?: string;
  readonly path?: string;
  /** Of the n-th request. */
  readonly headersOf: (n: number) => Readonly<Record<string, string>>;
  /** The status that each of them must have. */
  readonly status: number;
  /** How many are sent, and the time between two; without it they are sent without a pause. */
  readonly count?: number;
  readonly everyMs?: number;
}

/** A request was answered otherwise than the figure is about. */
export class OtherStatus extends Error {}

/**
 * Sends them one after the other, so that no calls are combined. The request before them, which wakes the object and fills the caches, does
 * not count.
 * @throws OtherStatus.
 */
export async function perThousand(url: string, series: Series): Promise<Figures> {
  const { count = COUNT, everyMs = 0, status } = series;
  await statusOf(url, series, -1);
  const before = await counted(url);
  // The first of a steady rate too: soon after the one before, it would look like a busy user's.
  const fromMs = performance.now() + everyMs;
  for (let n = 0; n < count; n++) {
    const earlyMs = fromMs + n * everyMs - performance.now();
    if (earlyMs > 0) await pause(earlyMs);
    const found = await statusOf(url, series, n);
    if (found !== status) throw new OtherStatus(`request ${n} of ${count}: ${found}, expected ${status}`);
  }
  await (everyMs > 0 ? pause(PACED_IDLE_MS) : idle());
  return figuresOf(since(before, await counted(url), count));
}

/** Sends one of them. @returns its status. */
export async function statusOf(
  url: string,
  { method = "GET", path = "/identify", headersOf }: Series,
  n: number,
): Promise<number> {
  const response = await fetch(`${url}${path}`, { method, headers: headersOf(n) });
  await response.arrayBuffer();
  return response.status;
}

/** Waits for what objects do when their users pause. */
export function idle(): Promise<void> {
  return pause(IDLE_MS);
}

export function figuresOf(counts: Operations): Figures {
  const per = (name: keyof Figures): number => (counts[name] / counts.decisions) * 1_000;
  return {
    objectCalls: per("objectCalls"),
    rowsWritten: per("rowsWritten"),
    kvReads: per("kvReads"),
    credentialChecks: per("credentialChecks"),
    hubCalls: per("hubCalls"),
    hubRows: per("hubRows"),
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

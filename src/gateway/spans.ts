/**
 * Spans of the runtime's own tracing, and the trace's id for the log.
 *
 * A request that is not traced, as nearly all are, makes no span: finding that out costs a microsecond, so only steps that wait for others
 * ask. The runtime makes its own spans of the calls inside.
 */

/** What the runtime passes with a request, as far as it is used here. */
export interface TracedContext {
  readonly tracing?: {
    getActiveSpan(): TracedSpan | undefined;
    startSpan(name: string): TracedSpan;
    enterSpan<T>(name: string, step: () => T): T;
  };
}

interface TracedSpan {
  readonly isTraced: boolean;
  spanContext(): { readonly traceId: string };
  end(): void;
}

/** `traceparent` of W3C Trace Context: version, trace id, parent id, flags. */
const TRACEPARENT = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;

/** Runs a step in a span of this name if the request is traced. */
export function inSpan<T>(
  name: "limit" | "upstream",
  step: () => Promise<T>,
  context: TracedContext,
): Promise<T> {
  return tracerOf(context)?.enterSpan(name, step) ?? step();
}

/** The same for a step that has begun: the clock has not advanced since. */
export function spanOf<T>(name: "limit" | "upstream", step: Promise<T>, context: TracedContext): Promise<T> {
  const span = tracerOf(context)?.startSpan(name);
  return span ? step.finally(() => span.end()) : step;
}

/** The id of the client's trace, or else of the runtime's; null: there is neither. */
export function traceIdOf(headers: Headers, context: TracedContext): string | null {
  const [, id] = TRACEPARENT.exec(headers.get("traceparent") ?? "") ?? [];
  if (id !== undefined) return id;
  return tracerOf(context)?.getActiveSpan()?.spanContext().traceId ?? null;
}

/** Null if the request is not traced. */
function tracerOf({ tracing }: TracedContext): TracedContext["tracing"] | null {
  return tracing?.getActiveSpan()?.isTraced ? tracing : null;
}

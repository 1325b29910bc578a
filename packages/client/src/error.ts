/** The one error that this package throws. A denial is not an error. */
import type { Fault } from "./types.ts";

export interface ErrorDetails {
  /** The HTTP status, if there was a response. */
  readonly status?: number | undefined;
  readonly errors?: readonly Fault[] | undefined;
  /** How long to wait before the next attempt. */
  readonly retryAfterMs?: number | undefined;
  readonly cause?: unknown;
}

export class EdgeLimiterError extends Error {
  override readonly name = "EdgeLimiterError";
  /**
   * The `code` of the limiter's problem, such as `invalid_request`, `invalid_credentials` or `reservation_gone`; `no_answer` if the
   * limiter did not answer in time or failed.
   */
  readonly code: string;
  readonly status: number | undefined;
  /** What is wrong with the input, each with its path. */
  readonly errors: readonly Fault[];
  readonly retryAfterMs: number;

  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.status = details.status;
    this.errors = details.errors ?? [];
    this.retryAfterMs = details.retryAfterMs ?? 0;
  }
}

/** The limiter did not decide: nothing is known about the operation, and it may be sent again. */
export function noAnswer(message: string, details?: ErrorDetails): EdgeLimiterError {
  return new EdgeLimiterError("no_answer", message, details);
}

export function isNoAnswer(thrown: unknown): boolean {
  return thrown instanceof EdgeLimiterError && thrown.code === "no_answer";
}

/** The error of an operation, as the limiter reports it. */
export function rejected(
  code: string,
  detail: string | undefined,
  errors: readonly Fault[] = [],
  status?: number,
): EdgeLimiterError {
  const faults = errors.map(({ path, message }) => `${path || "the input"} ${message}`).join("; ");
  return new EdgeLimiterError(code, [code, detail, faults].filter(Boolean).join(": "), { status, errors });
}

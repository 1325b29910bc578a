/** What a pool's document means, with its defaults. Pure. */
import type { PoolDocument } from "../../policy/pool-schema.ts";

/**
 * How a try fails. `connect`: there was no response, since the connection was refused, broke off or could not be made. A status: the target
 * itself, or a proxy in front of it, says that it does not work.
 */
export type Failure = "connect" | "timeout" | "502" | "503" | "504";

export interface PoolSettings {
  readonly balance: "round-robin" | "least-requests" | "user";
  /** Tries after the first. */
  readonly attempts: number;
  /** Failures that are retried. */
  readonly on: ReadonlySet<Failure>;
  /** Retries as a share of the requests of the last seconds. */
  readonly budget: number;
  /** Deadline of a try that another can follow; null: an equal share of the time that is left. */
  readonly tryTimeoutMs: number | null;
  /** Failures in a row that eject a target. */
  readonly ejectAfter: number;
  /** Time between probes of an ejected target. */
  readonly ejectMs: number;
  /** Null: `/`, and any answer but a server error says that the target works. */
  readonly probePath: string | null;
  readonly probeTimeoutMs: number;
}

/** Not `timeout`: a retry after one needs a shorter deadline of the try before it, which slow answers would miss. */
const RETRIED: readonly Failure[] = ["connect", "502", "503", "504"];

export function poolSettings({ balance, retry = {}, eject = {}, probe }: PoolDocument): PoolSettings {
  return {
    balance: balance ?? "round-robin",
    attempts: retry.attempts ?? 1,
    on: new Set(retry.on?.map(failureOf) ?? RETRIED),
    budget: retry.budget ?? 0.2,
    tryTimeoutMs: retry.tryTimeoutMs ?? null,
    ejectAfter: eject.failures ?? 5,
    ejectMs: eject.forMs ?? 10_000,
    probePath: probe?.path ?? null,
    probeTimeoutMs: probe?.timeoutMs ?? 2_000,
  };
}

function failureOf(named: "connect" | "timeout" | 502 | 503 | 504): Failure {
  switch (named) {
    case 502:
      return "502";
    case 503:
      return "503";
    case 504:
      return "504";
    default:
      return named;
  }
}

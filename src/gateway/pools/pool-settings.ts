/** What a pool's document means, with its defaults. Pure. */
import { POOL_DEFAULTS } from "../../policy/pool-defaults.ts";
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

export function poolSettings({ balance, retry = {}, eject = {}, probe }: PoolDocument): PoolSettings {
  const defaults = POOL_DEFAULTS;
  return {
    balance: balance ?? defaults.balance,
    attempts: retry.attempts ?? defaults.retry.attempts,
    on: new Set((retry.on ?? defaults.retry.on).map(failureOf)),
    budget: retry.budget ?? defaults.retry.budget,
    tryTimeoutMs: retry.tryTimeoutMs ?? null,
    ejectAfter: eject.failures ?? defaults.eject.failures,
    ejectMs: eject.forMs ?? defaults.eject.forMs,
    probePath: probe?.path ?? null,
    probeTimeoutMs: probe?.timeoutMs ?? defaults.probe.timeoutMs,
  };
}

type Discovery = PoolDocument["discover"];

/** Whether two documents name the same list of targets, read in the same way; undefined: the targets are in the policy. */
export function isSameList(one: Discovery, other: Discovery): boolean {
  return listOf(one) === listOf(other);
}

function listOf(discovery: Discovery): string {
  if (discovery === undefined) return "";
  const { url, format, scheme = POOL_DEFAULTS.discover.scheme } = discovery;
  return `${format} ${scheme} ${url}`;
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

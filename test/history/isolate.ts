/** An isolate of the edge: the real Limiter, with the object behind a simulated network. */
import type { UserLimiter } from "../../durable-objects/user-limiter.ts";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import { Limiter } from "../../src/limiter/limiter.ts";
import type { Policy } from "../../src/policy/compile.ts";
import { DEADLINE_MS } from "./history.ts";
import type { Network } from "./network.ts";
import type { Place, VirtualTime } from "./virtual-time.ts";

export interface Isolate {
  readonly index: number;
  /** Counts the isolates of this index: each that dies is replaced. */
  readonly life: number;
  readonly place: Place;
  readonly limiter: Limiter;
  policy: Policy;
}

/** Starts an isolate. @param clock the errors of its clock. */
export function newIsolate(
  time: VirtualTime,
  network: Network,
  { index, life, policy }: Pick<Isolate, "index" | "life" | "policy">,
  clock: Pick<Place, "skewMs" | "slowPpm">,
): Isolate {
  const place: Place = { ...clock, alive: true, busyUntilMs: 0, within: null };
  const stub = new Proxy(
    {},
    {
      get: (_, method) =>
        method === "then" ? undefined : (...args: unknown[]) => network.call(index, String(method), args),
    },
  );
  const objects = { getByName: () => stub } as unknown as DurableObjectNamespace<UserLimiter>;
  const limiter = time.in(
    place,
    () => new Limiter(objects, DEADLINE_MS, () => undefined, new MetricDeltas()),
  );
  return { index, life, place, limiter, policy };
}

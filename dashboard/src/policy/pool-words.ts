/**
 * Pools of a policy with their defaults written out, so that the changes between two policies show no difference where there is none. Pure;
 * accepts documents of any shape. The defaults are those of src/policy/pool-defaults.ts; a test compares them.
 */
import { isRecord } from "../shell/api-client.ts";

type Fields = Readonly<Record<string, unknown>>;

const RETRY = { attempts: 1, on: ["connect", 502, 503, 504], budget: 0.2 };
const EJECT = { failures: 5, forMs: 10_000 };
const PROBE = { timeoutMs: 2_000 };
const DISCOVER = { everySeconds: 15, scheme: "https" };

/** `upstreams` of a document. Pools that the other one lacks are left as they are written: all of them is new, or gone. */
export function comparablePools(upstreams: unknown, other: unknown): unknown {
  if (!isRecord(upstreams)) return upstreams;
  const others = isRecord(other) ? other : {};
  return Object.fromEntries(
    Object.entries(upstreams).map(([name, pool]) => [
      name,
      isRecord(pool) && isRecord(others[name]) ? withDefaults(pool) : pool,
    ]),
  );
}

function withDefaults({ targets, probe, discover, retry, eject, ...pool }: Fields): Fields {
  const merged = (defaults: Fields, own: unknown): Fields =>
    Object.assign({}, defaults, isRecord(own) ? own : {});
  const retried = merged(RETRY, retry);
  const { on } = retried;
  return {
    balance: "round-robin",
    ...pool,
    ...(Array.isArray(targets) ? { targets: targets.map((target) => merged({ weight: 1 }, target)) } : {}),
    ...(discover === undefined ? {} : { discover: merged(DISCOVER, discover) }),
    // What is retried has no order.
    retry: { ...retried, on: Array.isArray(on) ? [...new Set(on.map(String))].toSorted() : on },
    eject: merged(EJECT, eject),
    ...(probe === undefined ? {} : { probe: merged(PROBE, probe) }),
  };
}

/**
 * Measures how long objects are awake, as Cloudflare bills it: while a call, an alarm, `waitUntil` work or a timer of theirs is pending.
 * An object that only keeps its memory may hibernate and costs nothing.
 */
import { DurableObject } from "cloudflare:workers";
import type { OperationCounts } from "../price.ts";

interface Presence {
  pending: number;
  sinceMs: number;
}

/** What is pending of each object; by the object. */
const presences = new WeakMap<object, Presence>();
/** The object whose code runs at this moment: a timer that is set now is its. */
let running: object | null = null;
/** Pending timers of objects. */
const timers = new Map<unknown, () => void>();

/** Makes a class report how long its objects are awake, and its alarms, which are billed as calls. Call it once per class. */
export function measureAwake(
  made: { readonly prototype: object },
  operations: OperationCounts,
  calls: "objectCalls" | "hubCalls",
): void {
  const seen = new Set(["constructor"]);
  for (let type = Object.getPrototypeOf(made.prototype); type; type = Object.getPrototypeOf(type)) {
    // The runtime's own class has no methods that an object runs.
    if (type === DurableObject.prototype || type === Object.prototype) break;
    for (const name of Object.getOwnPropertyNames(type)) {
      const method: unknown = Object.getOwnPropertyDescriptor(type, name)?.value;
      if (seen.has(name) || typeof method !== "function") continue;
      seen.add(name);
      Object.defineProperty(made.prototype, name, {
        value: function (this: object, ...given: unknown[]): unknown {
          if (name === "alarm") operations[calls] += 1;
          return during(this, operations, () => Reflect.apply(method, this, given));
        },
      });
    }
  }
}

/** Counts `waitUntil` work of an object. Call it in its constructor. */
export function measureWork(object: object, ctx: DurableObjectState, operations: OperationCounts): void {
  const waitUntil = ctx.waitUntil.bind(ctx);
  Object.defineProperty(ctx, "waitUntil", {
    value: (work: Promise<unknown>) => {
      const end = begin(object, operations);
      waitUntil(work.finally(end));
    },
  });
}

/** Counts timers that objects set. Call it once per isolate. */
export function measureTimers(operations: OperationCounts): void {
  const [set, clear] = [globalThis.setTimeout, globalThis.clearTimeout];
  Object.defineProperty(globalThis, "setTimeout", {
    value: (work: (...given: unknown[]) => void, ms: number, ...given: unknown[]) => {
      if (!running) return set(work, ms, ...given);
      const end = begin(running, operations);
      const timer = set(() => {
        timers.delete(timer);
        end();
        work(...given);
      }, ms);
      timers.set(timer, end);
      return timer;
    },
  });
  Object.defineProperty(globalThis, "clearTimeout", {
    value: (timer: Parameters<typeof clearTimeout>[0]) => {
      timers.get(timer)?.();
      timers.delete(timer);
      clear(timer);
    },
  });
}

function during(object: object, operations: OperationCounts, work: () => unknown): unknown {
  const end = begin(object, operations);
  const before = running;
  running = object;
  try {
    const result = work();
    if (result instanceof Promise) return result.finally(end);
    end();
    return result;
  } catch (thrown) {
    end();
    throw thrown;
  } finally {
    running = before;
  }
}

/** Something is pending from now on. @returns ends it. */
function begin(object: object, operations: OperationCounts): () => void {
  const presence = presences.get(object) ?? { pending: 0, sinceMs: 0 };
  presences.set(object, presence);
  if (presence.pending === 0) presence.sinceMs = performance.now();
  presence.pending += 1;
  return () => {
    presence.pending -= 1;
    if (presence.pending === 0) operations.awakeMs += performance.now() - presence.sinceMs;
  };
}

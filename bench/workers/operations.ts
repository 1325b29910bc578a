/** Counts what Cloudflare bills beside requests and rows. Changes nothing about the bindings that it counts. */
import { objectMetrics } from "../../durable-objects/object-metrics.ts";

export interface Operations {
  /** Calls to objects other than the hub. */
  objectCalls: number;
  /** Calls to the metrics hub. */
  hubCalls: number;
  /** Rows that objects other than the hub wrote, as SQLite counts them. */
  rowsWritten: number;
  hubRows: number;
  kvReads: number;
  /** Lists too, which cost as much. */
  kvWrites: number;
  dataPoints: number;
}

/** The same bindings, each use of which adds to `operations`. */
export function counted(env: Env, operations: Operations): Env {
  const object = (): void => void operations.objectCalls++;
  return {
    ...env,
    USER_LIMITER: countedObjects(env.USER_LIMITER, object),
    POLICY_REGISTRY: countedObjects(env.POLICY_REGISTRY, object),
    ACCOUNT_DIRECTORY: countedObjects(env.ACCOUNT_DIRECTORY, object),
    METRICS_HUB: countedObjects(env.METRICS_HUB, () => void operations.hubCalls++),
    CONFIG: intercepted(env.CONFIG, (name) => {
      if (name === "get" || name === "getWithMetadata") operations.kvReads++;
      if (name === "put" || name === "delete" || name === "list") operations.kvWrites++;
    }),
    ANALYTICS_ENGINE: intercepted(env.ANALYTICS_ENGINE, () => void operations.dataPoints++),
  };
}

/** Rows are counted by the objects themselves; this adds them to `operations` as well. Once per isolate. */
export function countRows(operations: Operations): void {
  for (const object of ["UserLimiter", "PolicyRegistry", "AccountDirectory", "MetricsHub"]) {
    const counter = objectMetrics.counter("rowsWritten", [object]);
    const add = counter.add.bind(counter);
    counter.add = (rows = 1): void => {
      operations[object === "MetricsHub" ? "hubRows" : "rowsWritten"] += rows;
      add(rows);
    };
  }
}

/** Namespaces whose stubs tell of each call. */
function countedObjects<T extends object>(namespace: T, count: () => void): T {
  return new Proxy(namespace, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...given: unknown[]): unknown => {
        const made: unknown = Reflect.apply(member, target, given);
        const isStub = (name === "get" || name === "getByName") && typeof made === "object" && made !== null;
        return isStub ? intercepted(made, count) : made;
      };
    },
  });
}

/** Tells of each method that is called, by its name. */
function intercepted<T extends object>(target: T, tell: (method: string | symbol) => void): T {
  return new Proxy(target, {
    get(_target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...given: unknown[]): unknown => {
        tell(name);
        return Reflect.apply(member, target, given);
      };
    },
  });
}

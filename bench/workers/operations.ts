/** Counts the operations that Cloudflare bills, apart from requests, and the checks of credentials. Never changes the behaviour of a binding. */
import { objectMetrics } from "../../durable-objects/object-metrics.ts";
import type { OperationCounts } from "../price.ts";

/** The same bindings, which add each use to `operations`. */
export function counted(env: Env, operations: OperationCounts): Env {
  const object = (): void => void operations.objectCalls++;
  return {
    ...env,
    USER_LIMITER: countedObjects(env.USER_LIMITER, object),
    POLICY_REGISTRY: countedObjects(env.POLICY_REGISTRY, object),
    ACCOUNT_DIRECTORY: countedObjects(env.ACCOUNT_DIRECTORY, object),
    BILLING_REGISTER: countedObjects(env.BILLING_REGISTER, object),
    WEBHOOK_DESK: countedObjects(env.WEBHOOK_DESK, object),
    METRICS_HUB: countedObjects(env.METRICS_HUB, () => void operations.hubCalls++),
    CONFIG: intercepted(env.CONFIG, (name) => {
      if (name === "get" || name === "getWithMetadata") operations.kvReads++;
      if (name === "put" || name === "delete" || name === "list") operations.kvWrites++;
    }),
    ANALYTICS_ENGINE: intercepted(env.ANALYTICS_ENGINE, () => void operations.dataPoints++),
  };
}

/** Adds the rows, which the objects count themselves, to `operations`. Call it once per isolate. */
export function countRows(operations: OperationCounts): void {
  for (const object of [
    "UserLimiter",
    "PolicyRegistry",
    "AccountDirectory",
    "BillingRegister",
    "WebhookDesk",
    "MetricsHub",
  ]) {
    const counter = objectMetrics.counter("rowsWritten", [object]);
    const add = counter.add.bind(counter);
    counter.add = (rows = 1): void => {
      operations[object === "MetricsHub" ? "hubRows" : "rowsWritten"] += rows;
      add(rows);
    };
  }
}

/** Adds the checks of keys and tokens to `operations`. Call it once per isolate. */
export function countCredentialChecks(operations: OperationCounts): void {
  const { subtle } = crypto;
  for (const name of ["digest", "verify"] as const) {
    const check: (...given: never[]) => unknown = subtle[name];
    Object.defineProperty(subtle, name, {
      value: (...given: unknown[]): unknown => {
        operations.credentialChecks++;
        return Reflect.apply(check, subtle, given);
      },
    });
  }
}

/** A namespace whose stubs call `count` for each call. */
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

/** The same object, which calls `onCall` with the name of each method that is called. */
function intercepted<T extends object>(target: T, onCall: (method: string | symbol) => void): T {
  return new Proxy(target, {
    get(_target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      return (...given: unknown[]): unknown => {
        onCall(name);
        return Reflect.apply(member, target, given);
      };
    },
  });
}

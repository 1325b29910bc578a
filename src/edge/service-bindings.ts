/** The service bindings of this Worker, which policies name as `service:BINDING`. */

/** The service bound under this name; undefined if there is no such binding, null if it is not a service. */
export function serviceOf(bindings: object, name: string): Fetcher | null | undefined {
  if (!Object.hasOwn(bindings, name)) return undefined;
  const bound: unknown = Reflect.get(bindings, name);
  return isFetcher(bound) ? bound : null;
}

/** Whether a service is bound under this name. */
export function hasService(bindings: object, name: string): boolean {
  return Boolean(serviceOf(bindings, name));
}

function isFetcher(value: unknown): value is Fetcher {
  return typeof value === "object" && value !== null && "fetch" in value && typeof value.fetch === "function";
}

/** Frees what an RPC result holds in the other Worker. The data stays readable. Does nothing for other values. */
export function dispose(result: unknown): void {
  // Not in the types of this package's targets.
  const symbol: unknown = Reflect.get(Symbol, "dispose");
  if (typeof symbol !== "symbol" || typeof result !== "object" || result === null) return;
  const free: unknown = Reflect.get(result, symbol);
  if (typeof free === "function") free.call(result);
}

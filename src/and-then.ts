/**
 * Continues with a value that may still be a promise, without awaiting one that is already there.
 *
 * The path of a request stays synchronous while everything it needs is in memory: each needless await would cost a turn of the
 * microtask queue and an allocation. Exceptions of `next` are thrown or reject, as its input was a value or a promise.
 */
export function andThen<T, R>(value: T | Promise<T>, next: (value: T) => R | Promise<R>): R | Promise<R> {
  return value instanceof Promise ? value.then(next) : next(value);
}

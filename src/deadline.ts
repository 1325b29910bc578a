/**
 * A deadline for a remote call: every call out of the Worker has one.
 *
 * The call itself goes on (a platform promise cannot be cancelled); its late result is dropped. Never shared between
 * requests.
 */
export class DeadlineExceeded extends Error {
  override readonly name = "DeadlineExceeded";
}

/** The promise's result, or a rejection with {@link DeadlineExceeded} after `timeoutMs`. */
export function withDeadline<T>(call: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new DeadlineExceeded(`${what}: no answer in ${timeoutMs} ms`)),
      timeoutMs,
    );
    call.then(
      (value) => {
        clearTimeout(timer);
        resolve(value);
      },
      (fault) => {
        clearTimeout(timer);
        reject(fault);
      },
    );
  });
}

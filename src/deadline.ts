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
export async function withDeadline<T>(call: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new DeadlineExceeded(`${what}: no answer in ${timeoutMs} ms`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([call, late]);
  } finally {
    if (timer !== null) clearTimeout(timer);
  }
}

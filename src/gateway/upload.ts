/**
 * Sends a request's body on and reports its progress, so that the time an upload takes does not count as the upstream's.
 *
 * Streams: at most one chunk is in memory. A known length is kept, so the upstream gets Content-Length and not chunks.
 */

export interface UploadEvents {
  /** A chunk was sent, or the first is awaited. */
  readonly progress: () => void;
  /** The body has ended. Not called if the client leaves before. */
  readonly ended: () => void;
  /** The client broke off. Aborts the request to the upstream and returns true, or returns false if its response has begun. */
  readonly brokenOff: () => boolean;
}

/**
 * Starts sending on `source`, of this Content-Length (null: unknown).
 * @returns the body for the upstream.
 */
export function upload(
  source: ReadableStream<Uint8Array>,
  length: number | null,
  events: UploadEvents,
): ReadableStream<Uint8Array> {
  const { readable, writable } =
    length === null ? new IdentityTransformStream() : new FixedLengthStream(length);
  void sendOn(source.getReader(), writable.getWriter(), events);
  return readable;
}

async function sendOn(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
  { progress, ended, brokenOff }: UploadEvents,
): Promise<void> {
  let isBroken = false;
  const read = () =>
    reader.read().catch((thrown: unknown) => {
      isBroken = true;
      throw thrown;
    });
  try {
    progress();
    for (let next = await read(); !next.done; next = await read()) {
      await writer.write(next.value);
      progress();
    }
    await writer.close();
    ended();
  } catch (thrown) {
    // The runtime ends an aborted body of unknown length as if it were complete, and the upstream would handle half an upload: so the
    // request is aborted, and the body left open. Once the response has begun, that does not help, and the upstream must not wait.
    if (isBroken && brokenOff()) return;
    // Either end is gone: the other learns of it. Both may be by now.
    await Promise.allSettled([reader.cancel(thrown), writer.abort(thrown)]);
  }
}

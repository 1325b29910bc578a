/**
 * Sends a request's body on and reports its progress, so that the time an upload takes does not count as the upstream's.
 *
 * Streams: at most one chunk is in memory. A known length is kept, so the upstream gets Content-Length and not chunks.
 */

export interface UploadEvents {
  /** A chunk was sent, or the first is awaited. */
  readonly progress: () => void;
  /** The body has ended. Not called if it broke off. */
  readonly ended: () => void;
}

/**
 * Starts sending on `source`, of this Content-Length (null: unknown).
 * @returns the body for the upstream. It errors if the client breaks off.
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
  { progress, ended }: UploadEvents,
): Promise<void> {
  try {
    progress();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      await writer.write(value);
      progress();
    }
    await writer.close();
    ended();
  } catch (thrown) {
    // Either end is gone: the other learns of it. Both may be by now.
    await Promise.allSettled([reader.cancel(thrown), writer.abort(thrown)]);
  }
}

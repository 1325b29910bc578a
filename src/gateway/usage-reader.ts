/**
 * Reads the usage that a response reports while it passes. An encoded response is decoded for this alone: the client gets the bytes of the
 * upstream.
 */
import { type BodyEnd, drainedPipe } from "./drained-pipe.ts";
import { type UsageFormat, UsageParser } from "./usage-parser.ts";

/** How a response ended, and the tokens that it reports; null: none that is known. */
export interface ReadUsage {
  readonly end: BodyEnd;
  readonly tokens: number | null;
}

/** Names of the encodings that the runtime can decode, as `Content-Encoding` spells them. */
const DECODERS: ReadonlyMap<string, "gzip" | "deflate"> = new Map([
  ["gzip", "gzip"],
  ["x-gzip", "gzip"],
  ["deflate", "deflate"],
]);

/** Pipes `source`, the body of a response with these headers, to `sink` and reads its usage. Never rejects. */
export async function readUsage(
  source: ReadableStream<Uint8Array>,
  sink: WritableStream<Uint8Array>,
  headers: Headers,
  format: UsageFormat,
): Promise<ReadUsage> {
  const parser = new UsageParser(format, headers.get("Content-Type"));
  const encoding = (headers.get("Content-Encoding") ?? "identity").trim().toLowerCase();
  if (encoding === "identity") {
    const end = await drainedPipe(source, sink, (chunk) => parser.push(chunk));
    return { end, tokens: parser.tokens(end === "whole") };
  }
  const decoder = DECODERS.get(encoding);
  if (decoder === undefined) {
    return { end: await drainedPipe(source, sink, () => undefined), tokens: null };
  }
  const copy = new Decoder(decoder, parser);
  const end = await drainedPipe(source, sink, (chunk) => copy.push(chunk));
  return { end, tokens: await copy.tokens(end === "whole") };
}

/** Decodes a copy of a body for a parser. */
class Decoder {
  readonly #parser: UsageParser;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  /** Whether the body was well formed to its end. */
  readonly #decoded: Promise<boolean>;

  constructor(encoding: "gzip" | "deflate", parser: UsageParser) {
    const { readable, writable } = new DecompressionStream(encoding);
    this.#parser = parser;
    this.#writer = writable.getWriter();
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    this.#decoded = this.#read(readable).then(
      () => true,
      () => false,
    );
  }

  push(chunk: Uint8Array): void {
    // A fault shows in what is read.
    this.#writer.write(chunk.slice()).catch(() => undefined);
  }

  async tokens(isWhole: boolean): Promise<number | null> {
    // What broke off is decoded as far as it goes.
    await this.#writer.close().catch(() => undefined);
    const isDecoded = await this.#decoded;
    return this.#parser.tokens(isWhole && isDecoded);
  }

  async #read(readable: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of readable) this.#parser.push(chunk);
  }
}

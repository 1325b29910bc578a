/**
 * The wire format of Protocol Buffers, as far as Envoy's rate limit service needs it (protobuf.dev, Encoding). Pure.
 *
 * Bounded: a field costs at least one byte, so a message has no more fields than bytes, and no length is believed beyond the message's end.
 */

/** One field of a message. Fields of fixed width are left out: no message here has any, and unknown fields are skipped. */
export type Field =
  | { readonly number: number; readonly kind: "varint"; readonly value: number }
  | { readonly number: number; readonly kind: "bytes"; readonly value: Uint8Array };

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
/** Of a varint. The tenth byte holds the highest bit of 64. */
const MAX_VARINT_BYTES = 10;
const MAX_FIELD_NUMBER = 2 ** 29 - 1;

/** The fields in order, or null if the bytes are not a message. Groups are not supported: nothing has sent them since proto3. */
export function readFields(bytes: Uint8Array): readonly Field[] | null {
  const fields: Field[] = [];
  let at = 0;
  const varint = (): number | null => {
    let value = 0;
    for (let i = 0; i < MAX_VARINT_BYTES; i++) {
      const byte = bytes[at++];
      if (byte === undefined) return null;
      value += (byte & 0x7f) * 2 ** (7 * i);
      // Beyond 2^53 a number is not exact, which no caller needs.
      if (byte < 0x80) return i === MAX_VARINT_BYTES - 1 && byte > 1 ? null : value;
    }
    return null;
  };
  while (at < bytes.length) {
    const tag = varint();
    if (tag === null) return null;
    const number = Math.floor(tag / 8);
    if (number < 1 || number > MAX_FIELD_NUMBER) return null;
    switch (tag % 8) {
      case VARINT: {
        const value = varint();
        if (value === null) return null;
        fields.push({ number, kind: "varint", value });
        break;
      }
      case BYTES: {
        const length = varint();
        if (length === null || length > bytes.length - at) return null;
        fields.push({ number, kind: "bytes", value: bytes.subarray(at, at + length) });
        at += length;
        break;
      }
      case FIXED64:
        at += 8;
        break;
      case FIXED32:
        at += 4;
        break;
      default:
        return null;
    }
    if (at > bytes.length) return null;
  }
  return fields;
}

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Text, or null if it is not UTF-8. */
export function readText(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}

/** Builds a message, field by field. Fields with the default value of their type are left out, as proto3 does. */
export class MessageWriter {
  readonly #bytes: number[] = [];

  /** @param value a whole number from 0 to 2^53. */
  varint(number: number, value: number): this {
    if (value > 0) {
      this.#raw(number * 8 + VARINT);
      this.#raw(value);
    }
    return this;
  }

  text(number: number, value: string): this {
    return value === "" ? this : this.#sized(number, new TextEncoder().encode(value));
  }

  /** A message within this one, even an empty one. */
  message(number: number, inner: MessageWriter): this {
    return this.#sized(number, inner.#bytes);
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.#bytes);
  }

  #sized(number: number, value: Uint8Array | readonly number[]): this {
    this.#raw(number * 8 + BYTES);
    this.#raw(value.length);
    for (const byte of value) this.#bytes.push(byte);
    return this;
  }

  #raw(value: number): void {
    let rest = value;
    for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) this.#bytes.push((rest % 0x80) + 0x80);
    this.#bytes.push(rest);
  }
}

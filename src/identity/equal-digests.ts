/** Compares two digests in constant time. */
export function equalDigests(a: string, b: string): boolean {
  const encoder = new TextEncoder();
  const [left, right] = [encoder.encode(a), encoder.encode(b)];
  // All digests have one length, so a different length is no secret.
  return left.byteLength === right.byteLength && crypto.subtle.timingSafeEqual(left, right);
}

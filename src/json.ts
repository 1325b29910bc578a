/** Parses JSON from an untrusted source. Undefined if it is not JSON, which no schema accepts. Never throws. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads JSON that may be anything: what is not JSON is undefined, which no schema takes. Never throws. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** What this deployment signs and hands out: `<payload>.<HMAC-SHA-256>`, both base64url. A longer text is rejected unread. */
import { decode, encode } from "jose/base64url";
import { parseJson } from "../../json.ts";
import type { DerivedKey } from "./derived-key.ts";

export async function signed(key: DerivedKey, payload: object): Promise<string> {
  const text = encode(JSON.stringify(payload));
  return `${text}.${encode(await key.sign(text))}`;
}

/** The payload, not validated yet; undefined if the text is too long or was not signed with this key. */
export async function verified(key: DerivedKey, text: string, maxLength: number): Promise<unknown> {
  if (text.length > maxLength) return undefined;
  const [payload, signature, ...rest] = text.split(".");
  const given = decoded(signature);
  if (payload === undefined || given === null || rest.length > 0) return undefined;
  if (!(await key.verify(payload, given))) return undefined;
  const json = decoded(payload);
  return json && parseJson(new TextDecoder().decode(json));
}

function decoded(text: string | undefined): Uint8Array | null {
  try {
    return text === undefined ? null : decode(text);
  } catch {
    return null;
  }
}

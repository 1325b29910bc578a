/** Delivers a document of an account to the register of its series, from the outbox of the account's object. */
import { createLog } from "../../../src/log.ts";
import {
  readEntry,
  type RegisterAnswer,
  type RegisterNamespace,
  registerOf,
  seriesName,
} from "../../../src/objects/billing-register.ts";
import type { Closing } from "./closing.ts";

/**
 * @returns the document's number, and the SHA-256 of the document with it; or why it will never get one. For {@link Closing.accept}.
 * @throws if the register does not answer, or is being rebuilt.
 */
export async function deliverDocument(
  namespace: RegisterNamespace,
  closing: Closing,
  id: string,
  value: string,
): Promise<string> {
  const entry = readEntry(value);
  const answer: RegisterAnswer = await registerOf(namespace, seriesName(entry.series, entry.kind)).put(entry);
  if (answer.kind !== "registered") {
    createLog("info")("error", "register_refused", { document: id, ...answer });
    if (answer.kind === "rebuilding") throw new Error(`the register is being rebuilt: ${id} waits`);
    return JSON.stringify({ refused: answer.kind });
  }
  const { number, issuedMs } = answer;
  const bytes = new TextEncoder().encode(closing.issuedText(id, number, issuedMs));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const sha256 = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return JSON.stringify({ number, issuedMs, sha256 });
}

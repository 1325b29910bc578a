/**
 * Keeps the list of a pool's targets up to date, from a service registry. An empty, late or faulty answer changes nothing: the last good list
 * stays, and metrics say how old it is.
 */
import { messageOf } from "../../log.ts";
import { parseJson } from "../../json.ts";
import { POOL_DEFAULTS } from "../../policy/pool-defaults.ts";
import { discoveredTargets, type DiscoveryDocument } from "./discovered-targets.ts";
import type { TargetAddress } from "./pool-state.ts";

/** Deadline of the whole answer. */
export const DISCOVERY_MS = 2_000;
/** Time between fetches while there is no list, so that requests fail. */
const WITHOUT_LIST_MS = 1_000;
/** Longest answer, bytes. */
const MAX_BYTES = 1_048_576;

/** What a fetch of the list came to. */
export type Discovered =
  | { readonly kind: "list"; readonly targets: readonly TargetAddress[] }
  | { readonly kind: "failed"; readonly error: string };

/** When one list of targets was fetched. Plain data; the clock is an argument. */
export class DiscoverySchedule {
  #beganMs = -Infinity;
  #isRunning = false;
  /** When the list was good last; before that, when it was asked for first. */
  #goodMs: number | null = null;

  /** Whether to fetch the list now. The caller then does. @param hasList whether there is one already. */
  begin(
    { everySeconds = POOL_DEFAULTS.discover.everySeconds }: DiscoveryDocument,
    hasList: boolean,
    nowMs: number,
  ): boolean {
    const ageMs = nowMs - this.#beganMs;
    const everyMs = hasList ? everySeconds * 1_000 : WITHOUT_LIST_MS;
    // A fetch that has not ended after its deadline has been ended, with its request.
    const isRunning = this.#isRunning && ageMs >= 0 && ageMs < 2 * DISCOVERY_MS;
    const isDue = ageMs < 0 || ageMs >= everyMs;
    if (isRunning || !isDue) return false;
    this.#beganMs = nowMs;
    this.#isRunning = true;
    this.#goodMs ??= nowMs;
    return true;
  }

  /** @returns the age of the list in force, ms. */
  ended(isGood: boolean, nowMs: number): number {
    this.#isRunning = false;
    if (isGood) this.#goodMs = nowMs;
    return Math.max(0, nowMs - (this.#goodMs ?? nowMs));
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }
}

/** Fetches the list. Never rejects. */
export async function discover(document: DiscoveryDocument): Promise<Discovered> {
  try {
    const response = await fetch(document.url, {
      headers: { Accept: "application/json" },
      redirect: "manual",
      cache: "no-store",
      signal: AbortSignal.timeout(DISCOVERY_MS),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      return { kind: "failed", error: `status ${response.status}` };
    }
    const text = await textOf(response);
    const targets = text === null ? null : discoveredTargets(parseJson(text), document);
    if (targets) return { kind: "list", targets };
    const error =
      text === null ? `more than ${MAX_BYTES} bytes` : `no list of targets in the format ${document.format}`;
    return { kind: "failed", error };
  } catch (thrown) {
    return { kind: "failed", error: messageOf(thrown) };
  }
}

/** Null: it is too long. */
async function textOf({ body }: Response): Promise<string | null> {
  if (!body) return "";
  const decoder = new TextDecoder();
  let [text, bytes] = ["", 0];
  const reader = body.getReader();
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    bytes += next.value.byteLength;
    if (bytes > MAX_BYTES) {
      await reader.cancel();
      return null;
    }
    text += decoder.decode(next.value, { stream: true });
  }
  return text + decoder.decode();
}

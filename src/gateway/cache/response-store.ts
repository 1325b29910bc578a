/** The store: the Cache API, which has the same form locally and deployed. It never fails a request: what it cannot read is not there. */
import { withDeadline } from "../../deadline.ts";
import { type Log, messageOf } from "../../log.ts";
import { fromStored, type Stored, type StoredMeta, toStored } from "./stored-response.ts";

const NAME = "edge-limiter";
/** A look-up takes about a millisecond; a slower one than this would delay the request more than the upstream. */
const READ_MS = 1_000;
const WRITE_MS = 10_000;

/** A stored response. @param range asks for this part of the body (`bytes=0-9`); if the store cannot cut it out, the body is whole. */
export async function readStored(key: string, range: string | null, log: Log): Promise<Stored | null> {
  try {
    const cache = await withDeadline(caches.open(NAME), READ_MS, "cache");
    const found = await withDeadline(cache.match(requestOf(key, range)), READ_MS, "cache");
    if (!found) return null;
    if (range !== null && found.status !== 200 && found.status !== 206) {
      await found.body?.cancel();
      return await readStored(key, null, log);
    }
    return fromStored(found);
  } catch (thrown) {
    log("warn", "response_cache_failed", { error: messageOf(thrown) });
    return null;
  }
}

/** Whether it is stored. */
export async function writeStored(
  key: string,
  meta: StoredMeta,
  body: Uint8Array,
  log: Log,
): Promise<boolean> {
  try {
    const response = toStored(meta, body);
    if (!response) return false;
    const cache = await withDeadline(caches.open(NAME), READ_MS, "cache");
    await withDeadline(cache.put(requestOf(key, null), response), WRITE_MS, "cache");
    return true;
  } catch (thrown) {
    log("warn", "response_cache_failed", { error: messageOf(thrown) });
    return false;
  }
}

export async function deleteStored(key: string, log: Log): Promise<void> {
  try {
    const cache = await withDeadline(caches.open(NAME), READ_MS, "cache");
    await withDeadline(cache.delete(requestOf(key, null)), WRITE_MS, "cache");
  } catch (thrown) {
    log("warn", "response_cache_failed", { error: messageOf(thrown) });
  }
}

function requestOf(key: string, range: string | null): Request {
  return new Request(key, range === null ? {} : { headers: { Range: range } });
}

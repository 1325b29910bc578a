/** Asks the upstream for a response that others may get too, and stores it if it may be stored. */
import type { SendResult } from "../forward-request.ts";
import { type Cacheability, cacheability, type Freshness } from "./cacheability.ts";
import { copiedPipe, MAX_BODY_BYTES } from "./copied-body.ts";
import { deleteStored, readStored, writeStored } from "./response-store.ts";
import type { Role } from "./single-flight.ts";
import { metaOf, type StoredMeta, updatedHeaders } from "./stored-response.ts";
import { clientStream, type Visit } from "./visit.ts";

export type Fetched =
  /** The upstream's response. Its body must be read: the store's copy is made of it. */
  | {
      readonly kind: "response";
      readonly response: Response;
      readonly isStored: boolean;
      readonly detail: string;
    }
  /** What is stored still holds, with these headers and times. */
  | { readonly kind: "renewed"; readonly meta: StoredMeta }
  /** No response. */
  | { readonly kind: "none"; readonly forwarded: SendResult };

/** @param stale what is stored and no longer fresh: the upstream is asked whether it still holds. */
export async function fetchIntoStore(visit: Visit, stale: StoredMeta | null, role: Role): Promise<Fetched> {
  const { admitted, cache } = visit;
  const { request, waitUntil, services } = admitted.exchange;
  const sentMs = Date.now();
  const asked = askShared(visit, "GET", stale);
  // Goes on if the client leaves: others may wait for it.
  waitUntil(asked);
  const forwarded = await asked;
  if (forwarded.kind !== "response") {
    end(role, "passed");
    return { kind: "none", forwarded };
  }
  const { response } = forwarded;
  const times = { sentMs, receivedMs: Date.now() };
  if (response.status === 304 && stale) {
    const updated = {
      status: stale.status,
      headers: updatedHeaders(stale, response.headers, times.receivedMs),
    };
    const verdict = cacheability(request, updated, cache, times);
    // Not to be stored any longer: sent this once.
    const freshness = verdict.kind === "storable" ? verdict : SPENT;
    const meta = metaOf(updated, stale.length, freshness, times.receivedMs);
    const work = verdict.kind === "storable" ? rewritten(visit, stale, meta, role) : dropped(visit, role);
    waitUntil(work);
    return { kind: "renewed", meta };
  }
  const length = lengthOf(response.headers);
  const isLong = length !== null && length > MAX_BODY_BYTES;
  const verdict = isLong ? TOO_LONG : cacheability(request, response, cache, times);
  if (verdict.kind === "unstorable") {
    // A response replaces what was stored before, unless it is a failure.
    if (stale && response.status < 500) waitUntil(dropped(visit, role));
    else end(role, "passed");
    return { kind: "response", response, isStored: false, detail: verdict.reason };
  }
  const head = { status: response.status, headers: new Headers(response.headers) };
  const store = async (body: Uint8Array | null): Promise<void> => {
    const isWritten =
      body !== null &&
      (await writeStored(
        visit.shared.key,
        metaOf(head, body.length, verdict, times.receivedMs),
        body,
        services.log,
      ));
    end(role, isWritten ? "stored" : "passed");
  };
  if (!response.body) {
    waitUntil(store(new Uint8Array()));
    return { kind: "response", response, isStored: true, detail: "" };
  }
  const { readable, writable } = clientStream(visit, length);
  waitUntil(copiedPipe(response.body, writable, length, store));
  const copy = new Response(readable, response);
  return { kind: "response", response: copy, isStored: true, detail: "" };
}

const TOO_LONG: Cacheability = { kind: "unstorable", reason: "size" };
const SPENT: Freshness = { ageMs: 0, lifetimeMs: 0, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 };

/** Asks the upstream by the part of the request that the key stands for. */
export async function askShared(
  { sending, shared, ask }: Visit,
  method: "GET" | "HEAD",
  stale: StoredMeta | null,
): Promise<SendResult> {
  const headers = new Headers(shared.headers);
  const stored = new Headers(stale?.headers ?? []);
  const [tag, modified] = [stored.get("ETag"), stored.get("Last-Modified")];
  if (tag !== null) headers.set("If-None-Match", tag);
  if (modified !== null) headers.set("If-Modified-Since", modified);
  // The upstream's limit headers describe the first caller only.
  return ask({
    ...sending,
    request: new Request(shared.url, { method }),
    body: null,
    headers,
    hasLimits: true,
  });
}

/** Stores the same body with new headers and times. */
async function rewritten(visit: Visit, stale: StoredMeta, meta: StoredMeta, role: Role): Promise<void> {
  const { key } = visit.shared;
  const { log } = visit.admitted.exchange.services;
  const found = role.kind === "leader" ? await readStored(key, null, log) : null;
  const body = found && isSame(found.meta, stale) ? await bytesOf(found.body) : null;
  const isWritten = body !== null && body.length === meta.length && (await writeStored(key, meta, body, log));
  end(role, isWritten ? "stored" : "passed");
}

async function dropped(visit: Visit, role: Role): Promise<void> {
  await deleteStored(visit.shared.key, visit.admitted.exchange.services.log);
  end(role, "passed");
}

async function bytesOf(body: ReadableStream<Uint8Array> | null): Promise<Uint8Array | null> {
  try {
    return new Uint8Array(await new Response(body).arrayBuffer());
  } catch {
    return null;
  }
}

/** Whether both are the same stored response. */
export function isSame(one: StoredMeta, other: StoredMeta): boolean {
  return one.storedMs === other.storedMs && one.length === other.length;
}

function end(role: Role, state: "stored" | "passed"): void {
  if (role.kind === "leader") role.end(state, Date.now());
}

/** The length that the upstream announces; null: none. */
function lengthOf(headers: Headers): number | null {
  const length = headers.get("Content-Length");
  return length !== null && /^\d{1,15}$/.test(length) ? Number(length) : null;
}

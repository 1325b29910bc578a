/**
 * The demo's policy change: halves the free tier's limits and restores them, through the admin API. Never overwrites a
 * revision that someone else has made in the meantime.
 */
import { isFields } from "../doctor/fields.ts";

const REASON = "Demo traffic: halve the free tier's limits";
const RESTORE_REASON = "Demo traffic: restore the free tier's limits";
const DEADLINE_MS = 10_000;

export class PolicyChange {
  readonly #policy: URL;
  readonly #headers: Readonly<Record<string, string>>;
  /** The revision before the change and the ETag of the change; null while it is not in force. */
  #changed: { readonly before: number; readonly etag: string } | null = null;

  constructor(url: URL, adminToken: string) {
    this.#policy = new URL("/api/v1/admin/policy", url);
    this.#headers = { Authorization: `Bearer ${adminToken}`, "Content-Type": "application/json" };
  }

  get isInForce(): boolean {
    return this.#changed !== null;
  }

  /** Does nothing if the change is in force, or if the policy's tier `free` has no bucket. */
  async halve(): Promise<void> {
    if (this.#changed) return;
    const { revision, document, etag } = await this.#current();
    const halved = halvedFree(document);
    if (!halved) return;
    const body = JSON.stringify({ document: halved, reason: REASON });
    const headers = { ...this.#headers, "If-Match": etag };
    const put = await this.#fetch(this.#policy, { method: "PUT", headers, body });
    this.#changed = { before: revision, etag: put.headers.get("ETag") ?? "" };
  }

  /** Does nothing if the change is not in force, or is no longer the latest revision. */
  async restore(): Promise<void> {
    if (!this.#changed) return;
    const { before, etag } = this.#changed;
    this.#changed = null;
    const url = new URL(`${this.#policy.pathname}/revisions/${before}/activate`, this.#policy);
    const headers = { ...this.#headers, "If-Match": etag };
    await this.#fetch(
      url,
      { method: "POST", headers, body: JSON.stringify({ reason: RESTORE_REASON }) },
      [412],
    );
  }

  async #current(): Promise<{ revision: number; document: unknown; etag: string }> {
    const response = await this.#fetch(this.#policy, { headers: this.#headers });
    const body: unknown = await response.json();
    if (!isFields(body) || typeof body["revision"] !== "number")
      throw new Error(`${this.#policy.pathname}: unexpected response without a revision`);
    return {
      revision: body["revision"],
      document: body["document"],
      etag: response.headers.get("ETag") ?? "",
    };
  }

  async #fetch(url: URL, init: RequestInit, expected: readonly number[] = []): Promise<Response> {
    const response = await fetch(url, { ...init, signal: AbortSignal.timeout(DEADLINE_MS) });
    if (response.ok || expected.includes(response.status)) return response;
    throw new Error(`${url.pathname}: ${response.status} ${(await response.text()).slice(0, 300)}`);
  }
}

/** The document with half the tokens in the free tier's buckets; null if it has none. */
export function halvedFree(document: unknown): object | null {
  if (!isFields(document) || !isFields(document["tiers"])) return null;
  const { free } = document["tiers"];
  if (!isFields(free) || !Array.isArray(free["limits"])) return null;
  let changed = false;
  const limits = free["limits"].map((limit: unknown) => {
    if (!isFields(limit) || limit["kind"] !== "bucket" || typeof limit["tokens"] !== "number") return limit;
    changed = true;
    const { burst } = limit;
    const half = { ...limit, tokens: limit["tokens"] / 2 };
    return typeof burst === "number" ? { ...half, burst: burst / 2 } : half;
  });
  return changed ? { ...document, tiers: { ...document["tiers"], free: { ...free, limits } } } : null;
}

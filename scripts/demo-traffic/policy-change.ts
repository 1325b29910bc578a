/**
 * The demo's policy change: halves the free tier's limits and restores them, through the admin API. Changes only the policy
 * that ships with the product, or the demo's with billing (demo-history.ts). Never overwrites a revision that someone else has made.
 */
import { isDeepStrictEqual } from "node:util";
import { demoPolicy } from "../demo-history.ts";
import { isFields } from "../doctor/fields.ts";

const REASON = "Demo traffic: halve the free tier's limits";
const RESTORE_REASON = "Demo traffic: restore the free tier's limits";
const DEADLINE_MS = 10_000;
/** The revisions of the policy that ships, and of the demo's. */
const SHIPPED = 0;
const WITH_BILLING = 1;

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

  /**
   * Puts the change in force, unless the policy is not the one that ships. Takes over the change of a run that was killed
   * before it could restore the policy.
   * @returns why the policy was left alone, or null if the change is in force.
   */
  async halve(): Promise<string | null> {
    if (this.#changed) return null;
    const current = await this.#read(this.#policy);
    const shipped = await this.#read(this.#revision(SHIPPED));
    const bases = [
      { revision: SHIPPED, document: shipped.document },
      { revision: WITH_BILLING, document: await demoPolicy() },
    ];
    if (current.reason === REASON) {
      const base = bases.find(({ document }) => isDeepStrictEqual(current.document, halvedFree(document)));
      if (base) {
        this.#changed = { before: base.revision, etag: current.etag };
        return null;
      }
    }
    if (!bases.some(({ document }) => isDeepStrictEqual(current.document, document))) {
      return `revision ${current.revision} is in force, which is not the policy that ships`;
    }
    const halved = halvedFree(current.document);
    if (!halved) return "the free tier of the policy that ships has no bucket";
    const body = JSON.stringify({ document: halved, reason: REASON });
    const headers = { ...this.#headers, "If-Match": current.etag };
    const put = await this.#fetch(this.#policy, { method: "PUT", headers, body }, [412]);
    if (put.status === 412) return "someone else has just changed it";
    this.#changed = { before: current.revision, etag: put.headers.get("ETag") ?? "" };
    return null;
  }

  /** Does nothing if the change is not in force, or is no longer the latest revision. */
  async restore(): Promise<void> {
    if (!this.#changed) return;
    const { before, etag } = this.#changed;
    this.#changed = null;
    const headers = { ...this.#headers, "If-Match": etag };
    await this.#fetch(
      new URL(`${this.#revision(before)}/activate`),
      { method: "POST", headers, body: JSON.stringify({ reason: RESTORE_REASON }) },
      [412],
    );
  }

  #revision(revision: number): URL {
    return new URL(`${this.#policy}/revisions/${revision}`);
  }

  async #read(url: URL): Promise<{ revision: number; reason: unknown; document: unknown; etag: string }> {
    const response = await this.#fetch(url, { headers: this.#headers });
    const body: unknown = await response.json();
    if (!isFields(body) || typeof body["revision"] !== "number")
      throw new Error(`${url.pathname}: unexpected response without a revision`);
    const { revision, reason, document } = body;
    return { revision, reason, document, etag: response.headers.get("ETag") ?? "" };
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

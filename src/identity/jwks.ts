/**
 * Fetches an issuer's key set (JWKS, RFC 7517): bounded in time and size, imported at once, reduced to the keys that can verify.
 *
 * A key that cannot verify is ignored, as RFC 7517 section 5 advises: tokens that name it are tokens of an unknown key.
 */
import { createLocalJWKSet, type JWK } from "jose";
import { withDeadline } from "../deadline.ts";
import { parseJson } from "../json.ts";

/** A larger set is rejected, read no further. Real ones have a few KB; those with certificates some ten. */
export const MAX_JWKS_BYTES = 256 * 1_024;
/** Importing a key takes some ten microseconds. Further keys are ignored. */
const MAX_KEYS = 100;
/** Shorter RSA keys are forbidden (RFC 7518 section 3.3). */
const MIN_RSA_BITS = 2_048;

/** A key that can verify signatures. Plain data: requests may share it. */
export interface VerificationKey {
  /** Undefined for a key without a name. */
  readonly kid: string | undefined;
  readonly key: CryptoKey;
}

/**
 * The keys of the set at `url` that verify `algorithm`.
 * @throws if the server does not answer 200 with a key set of at most {@link MAX_JWKS_BYTES} within `timeoutMs`.
 */
export async function fetchJwks(url: URL, algorithm: string, timeoutMs: number): Promise<VerificationKey[]> {
  const controller = new AbortController();
  try {
    const { signal } = controller;
    const keys = parseJwks(await withDeadline(readJwks(url, signal), timeoutMs, "the key set's server"));
    const kty = algorithm.startsWith("ES") ? "EC" : "RSA";
    const fitting = keys.filter((jwk) => jwk.kty === kty && (jwk.alg === undefined || jwk.alg === algorithm));
    const imported = await Promise.all(fitting.slice(0, MAX_KEYS).map((jwk) => importKey(jwk, algorithm)));
    return imported.filter((key) => key !== null);
  } finally {
    controller.abort();
  }
}

async function readJwks(url: URL, signal: AbortSignal): Promise<string> {
  const headers = { Accept: "application/json, application/jwk-set+json", "User-Agent": "edge-limiter" };
  const response = await fetch(url.href, { headers, redirect: "manual", signal });
  if (response.status !== 200) throw new Error(`the key set's server answered ${response.status}`);
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.byteLength;
    if (bytes > MAX_JWKS_BYTES) throw new Error(`the key set has more than ${MAX_JWKS_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function parseJwks(text: string): JWK[] {
  const set = parseJson(text);
  const keys = isFields(set) ? set["keys"] : undefined;
  if (!Array.isArray(keys)) throw new Error("the key set's server did not answer with a key set");
  return keys.filter(isFields);
}

/** Null if the key cannot verify: jose checks its form, `use`, `key_ops` and curve, and that it is public. */
async function importKey(jwk: JWK, algorithm: string): Promise<VerificationKey | null> {
  try {
    const key = await createLocalJWKSet({ keys: [jwk] })({ alg: algorithm });
    const bits = "modulusLength" in key.algorithm ? Number(key.algorithm.modulusLength) : MIN_RSA_BITS;
    if (!(bits >= MIN_RSA_BITS)) return null;
    return { kid: typeof jwk.kid === "string" ? jwk.kid : undefined, key };
  } catch {
    return null;
  }
}

function isFields(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

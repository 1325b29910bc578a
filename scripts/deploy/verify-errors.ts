/**
 * The error rate of a version: of requests that cost nothing, sent here; and of all traffic, if the environment has a token that may read
 * metrics.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf } from "../doctor/target.ts";
import { type Deployment, done, failed, skip, type StepResult } from "./step.ts";

/** Requests to send: enough that a version that fails one of ten is found with near certainty. */
const PROBES = 50;
const CONCURRENCY = 10;
const REQUEST_TIMEOUT_MS = 10_000;
const STATUS_PATH = "/api/v1/rate-limit/status";
const METRICS_PATH = "/api/v1/rate-limit/metrics";
/** Of the traffic, this share of errors more than before is too much. */
const MAX_MORE_ERRORS = 0.01;
/** Fewer requests than that say nothing. */
const MIN_REQUESTS = 20;

/** Requests that were answered, and those of them that failed because of the product: counters of the metrics. */
interface Traffic {
  readonly requests: number;
  readonly errors: number;
}

/** @param soaks whether to watch the traffic for a while. */
export async function verifyErrors(
  { url, headers, versionId, options, interrupted }: Deployment,
  soaks: boolean,
  say: (line: string) => void,
): Promise<StepResult> {
  if (!url) return skip(versionId ? "wrangler reported no URL" : "no running product");
  const before = await trafficOf(url);
  const faults: string[] = [];
  for (let sent = 0; sent < PROBES && !interrupted.aborted; sent += CONCURRENCY) {
    const probes = Array.from({ length: CONCURRENCY }, () => probe(new URL(STATUS_PATH, url), headers));
    faults.push(...(await Promise.all(probes)).filter((fault) => fault !== null));
  }
  const next = `find the cause: npm run doctor -- --url ${url.origin}, and npx wrangler tail`;
  if (faults.length > 0) return failed(`${faults.length} of ${PROBES} requests failed: ${faults[0]}`, next);
  const probed = `${PROBES} requests without an error`;
  if (before === null) return done(`${probed}; set EDGE_LIMITER_TOKEN to watch the traffic as well`);
  if (soaks && options.soakMs > 0) {
    say(`  watching the traffic for ${Math.round(options.soakMs / 1_000)} s`);
    await sleep(options.soakMs, undefined, { signal: interrupted }).catch(() => undefined);
  }
  const after = await trafficOf(url);
  if (after === null) return failed("the metrics cannot be read any more", next);
  const [requests, errors] = [after.requests - before.requests, after.errors - before.errors];
  const usual = before.requests > 0 ? before.errors / before.requests : 0;
  const percent = `${((100 * errors) / Math.max(1, requests)).toFixed(2)} %`;
  if (requests >= MIN_REQUESTS && errors / requests > usual + MAX_MORE_ERRORS) {
    return failed(`${percent} of ${requests} requests failed, before ${(100 * usual).toFixed(2)} %`, next);
  }
  return done(`${probed}; of the traffic, ${percent} of ${requests} requests failed`);
}

/** Why a request failed; null if it did not. */
async function probe(url: URL, headers: Deployment["headers"]): Promise<string | null> {
  try {
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    await response.arrayBuffer();
    return response.status >= 500 ? `${url.pathname} returns ${response.status}` : null;
  } catch (thrown) {
    return reasonOf(thrown);
  }
}

/** Null without a token, or if metrics cannot be read. */
async function trafficOf(url: URL): Promise<Traffic | null> {
  const token = process.env["EDGE_LIMITER_TOKEN"];
  if (!token) return null;
  try {
    const response = await fetch(new URL(METRICS_PATH, url), {
      headers: { Authorization: `Bearer ${token}` },
      redirect: "error",
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    return response.ok ? readTraffic(await response.text()) : null;
  } catch {
    return null;
  }
}

/** The sums of `edge_limiter_requests_total` in Prometheus' text format. */
export function readTraffic(text: string): Traffic {
  let requests = 0;
  let errors = 0;
  for (const [, labels = "", value] of text.matchAll(/^edge_limiter_requests_total\{(.*)\} (\S+)$/gm)) {
    requests += Number(value);
    if (labels.includes('outcome="error"')) errors += Number(value);
  }
  return { requests, errors };
}

/** Checks of the running product: health, readiness, KV, limiter, clock. Never spends tokens. */
import { DEFAULT_PORT } from "../local-port.ts";
import { fail, few, ok, type CheckOutcome, type CheckContext, skipped, warn } from "./check.ts";
import { fieldsIn, isFields, rowsOf, textIn } from "./fields.ts";
import { readManifest } from "./manifest.ts";
import type { TargetAnswer, Target } from "./target.ts";
import { isThisMachine } from "./target.ts";

const STATUS_PATH = "/api/v1/rate-limit/status";
/** `Date` has whole seconds. A JWT's `exp` and `nbf` tolerate a few seconds of skew; a minute confuses people too. */
const CLOCK_WARN_MS = 5_000;
const CLOCK_FAIL_MS = 60_000;

type TargetResponse = Extract<TargetAnswer, { kind: "answer" }>;

/** GET /health */
export async function health({ root, target }: CheckContext): Promise<CheckOutcome> {
  if (!target) return noTarget();
  const answer = await target.get("/health");
  if (answer.kind !== "answer") return unanswered(answer, target);
  const status = textIn(answer.body, "status");
  if (answer.status === 500) return fail("/health returns 500: the Worker fails", logOf(target));
  if (answer.status !== 200 || status === null) {
    return fail(
      `/health returns ${answer.status}, but not in Edge Limiter's format: another product runs there`,
      "pass the URL of the limiter: --url <url>",
    );
  }
  const checks = fieldsIn(answer.body, "checks");
  const faults = Object.entries(checks).filter(([, state]) => state !== "ok");
  if (status !== "ok") {
    return fail(
      `status ${status}: ${few(faults.map(([name, state]) => `${name}: ${String(state)}`))}`,
      logOf(target),
    );
  }
  const running = textIn(answer.body, "version") ?? "an unknown version";
  const { version } = await readManifest(root);
  if (running !== version) {
    const update = isThisMachine(target.url) ? "stop it and run npm start again" : "npm run deploy";
    return warn(`runs ${running}, this checkout is ${version}`, update);
  }
  return ok(`${running}, policy revision ${String(isFields(answer.body) ? answer.body["revision"] : null)}`);
}

/** GET /ready */
export async function ready(context: CheckContext): Promise<CheckOutcome> {
  return withAnswer(context, "/ready", (answer, target) => {
    if (answer.status === 200) return ok("accepts requests");
    const checks = Object.entries(fieldsIn(answer.body, "checks")).map(
      ([name, state]) => `${name}: ${String(state)}`,
    );
    return fail(`/ready returns ${answer.status}: ${few(checks) || "no reason given"}`, logOf(target));
  });
}

/** KV as the product sees it: /ready shows whether it read the policy from KV, /health why a read failed. */
export async function store(context: CheckContext): Promise<CheckOutcome> {
  return withAnswer(context, "/ready", async (answer, target) => {
    const healthy = await target.get("/health");
    const readyState = textIn(fieldsIn(answer.body, "checks"), "policy");
    const healthState = healthy.kind === "answer" ? textIn(fieldsIn(healthy.body, "checks"), "policy") : null;
    if (readyState === "ok" && healthState === "ok") return ok("the product reads the policy from KV");
    const fix = isThisMachine(target.url)
      ? "restart npm start; its output says why KV or the policy is rejected"
      : "npx wrangler kv namespace list, then npx wrangler tail";
    return fail(`policy: ${healthState === "ok" ? readyState : (healthState ?? "unknown")}`, fix);
  });
}

/** A status request goes to the caller's own object and costs no tokens. */
export async function limiter(context: CheckContext): Promise<CheckOutcome> {
  return withAnswer(context, STATUS_PATH, (answer, target) => {
    const tier = textIn(answer.body, "tier");
    if (answer.status !== 200 || tier === null) {
      return fail(
        `${STATUS_PATH} returns ${answer.status}: the Durable Objects do not answer`,
        logOf(target),
      );
    }
    const limits = rowsOf(isFields(answer.body) ? answer.body["limits"] : null);
    const left = limits.map(
      (limit) =>
        `${textIn(limit, "name")} ${Math.floor(Number(limit["remaining"]))}/${String(limit["limit"])}`,
    );
    return ok(`tier ${tier}${left.length > 0 ? `, left: ${left.join(", ")}` : ", no limits"}`);
  });
}

/** Compares the Date header with this machine's clock, taken at the middle of the request. */
export async function clock(context: CheckContext): Promise<CheckOutcome> {
  return withAnswer(context, "/health", (answer, target) => {
    const date = answer.headers.get("Date");
    const theirsMs = Date.parse(date ?? "");
    if (date === null || Number.isNaN(theirsMs)) {
      const isHere = isThisMachine(target.url);
      return skipped(`no Date header${isHere ? "; the product uses this machine's clock" : ""}`);
    }
    const oursMs = (answer.sentAtMs + answer.answeredAtMs) / 2;
    // The header is rounded down to the second.
    const skewMs = Math.abs(theirsMs + 500 - oursMs);
    const reason = `differs from this machine's by ${(skewMs / 1000).toFixed(1)} s`;
    const fix = "synchronize this machine's clock (Linux: timedatectl set-ntp true)";
    if (skewMs > CLOCK_FAIL_MS) return fail(reason, fix);
    if (skewMs > CLOCK_WARN_MS) return warn(reason, fix);
    return ok(`within ${Math.max(1, Math.ceil(skewMs / 1000))} s of this machine's`);
  });
}

/** Skips if /health does not answer, so that one fault is reported once. */
async function withAnswer(
  { target }: CheckContext,
  path: string,
  examine: (answer: TargetResponse, target: Target) => CheckOutcome | Promise<CheckOutcome>,
): Promise<CheckOutcome> {
  if (!target) return noTarget();
  const first = await target.get("/health");
  if (first.kind !== "answer") return skipped("/health did not answer");
  const answer = await target.get(path);
  return answer.kind === "answer" ? examine(answer, target) : unanswered(answer, target);
}

function unanswered(answer: Exclude<TargetAnswer, TargetResponse>, { url }: Target): CheckOutcome {
  if (answer.kind === "redirect") {
    return fail(
      `redirects (${answer.status}) to ${answer.location}`,
      "pass the URL it redirects to: --url <url>",
    );
  }
  const start = url.port && url.port !== String(DEFAULT_PORT) ? `PORT=${url.port} npm start` : "npm start";
  return fail(
    `${url.origin}: ${answer.reason}`,
    isThisMachine(url)
      ? `${start} in another terminal, or pass the product's URL: --url <url>`
      : "check the URL and the network",
  );
}

function noTarget(): CheckOutcome {
  return skipped("no product is checked");
}

function logOf({ url }: Target): string {
  return isThisMachine(url)
    ? "read the output of npm start (LOG_LEVEL=debug npm start prints more)"
    : "npx wrangler tail (shows the log); npm run doctor without --url checks the configuration";
}

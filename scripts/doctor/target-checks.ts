/** Whether the running product is well: its health, its readiness, its store, its limiter, its clock. Costs no tokens. */
import { fail, few, ok, type Outcome, type Patient, skipped, warn } from "./check.ts";
import { fieldsIn, isFields, rowsOf, textIn } from "./fields.ts";
import { readManifest } from "./manifest.ts";
import type { Answer, Target } from "./target.ts";
import { isThisMachine } from "./target.ts";

const STATUS_PATH = "/api/v1/rate-limit/status";
/** `Date` has whole seconds; a token's `exp` and `nbf` bear a few of difference, people's eyes a minute. */
const CLOCK_WARN_MS = 5_000;
const CLOCK_FAIL_MS = 60_000;

type Answered = Extract<Answer, { kind: "answer" }>;

/** GET /health */
export async function health({ root, target }: Patient): Promise<Outcome> {
  if (!target) return noTarget();
  const answer = await target.get("/health");
  if (answer.kind !== "answer") return unanswered(answer, target);
  const status = textIn(answer.body, "status");
  if (answer.status === 500) return fail("/health answers 500: the Worker does not run", logOf(target));
  if (answer.status !== 200 || status === null) {
    return fail(`/health answers ${answer.status} and not as Edge Limiter does`, "give its URL: --url <url>");
  }
  const checks = fieldsIn(answer.body, "checks");
  const faults = Object.entries(checks).filter(([, said]) => said !== "ok");
  if (status !== "ok") {
    return fail(
      `is ${status}: ${few(faults.map(([name, said]) => `${name}: ${String(said)}`))}`,
      logOf(target),
    );
  }
  const runs = textIn(answer.body, "version") ?? "of no version";
  const { version } = await readManifest(root);
  if (runs !== version) {
    const again = isThisMachine(target.url) ? "stop it and run npm start again" : "npm run deploy";
    return warn(`runs ${runs}, this checkout is ${version}`, again);
  }
  return ok(`${runs}, policy revision ${String(isFields(answer.body) ? answer.body["revision"] : null)}`);
}

/** GET /ready */
export async function ready(patient: Patient): Promise<Outcome> {
  return withAnswer(patient, "/ready", (answer, target) => {
    if (answer.status === 200) return ok("takes requests");
    const checks = Object.entries(fieldsIn(answer.body, "checks")).map(
      ([name, said]) => `${name}: ${String(said)}`,
    );
    return fail(`/ready answers ${answer.status}: ${few(checks) || "no reason"}`, logOf(target));
  });
}

/** KV as the product sees it: /ready has read the policy from it, and /health knows why a read failed. */
export async function store(patient: Patient): Promise<Outcome> {
  return withAnswer(patient, "/ready", async (answer, target) => {
    const healthy = await target.get("/health");
    const known = textIn(fieldsIn(answer.body, "checks"), "policy");
    const said = healthy.kind === "answer" ? textIn(fieldsIn(healthy.body, "checks"), "policy") : null;
    if (known === "ok" && said === "ok") return ok("the product reads CONFIG");
    const mend = isThisMachine(target.url)
      ? "stop npm start and start it again; what it prints says why KV or the policy is refused"
      : "npx wrangler kv namespace list, then npx wrangler tail";
    return fail(`policy: ${said === "ok" ? known : (said ?? "unknown")}`, mend);
  });
}

/** A status question goes to the caller's own object and costs nothing. */
export async function limiter(patient: Patient): Promise<Outcome> {
  return withAnswer(patient, STATUS_PATH, (answer, target) => {
    const tier = textIn(answer.body, "tier");
    if (answer.status !== 200 || tier === null) {
      return fail(`${STATUS_PATH} answers ${answer.status}: the objects do not decide`, logOf(target));
    }
    const limits = rowsOf(isFields(answer.body) ? answer.body["limits"] : null);
    const left = limits.map(
      (limit) =>
        `${textIn(limit, "name")} ${Math.floor(Number(limit["remaining"]))}/${String(limit["limit"])}`,
    );
    return ok(`tier ${tier}${left.length > 0 ? `, left: ${left.join(", ")}` : ", no limits"}`);
  });
}

/** Compares the Date header with this machine's clock at the middle of the request. */
export async function clock(patient: Patient): Promise<Outcome> {
  return withAnswer(patient, "/health", (answer, target) => {
    const date = answer.headers.get("Date");
    const theirsMs = Date.parse(date ?? "");
    if (date === null || Number.isNaN(theirsMs)) {
      const isHere = isThisMachine(target.url);
      return skipped(`it sends no Date header${isHere ? "; it runs on this machine's clock" : ""}`);
    }
    const oursMs = (answer.sentAtMs + answer.answeredAtMs) / 2;
    // The header is rounded down to the second.
    const skewMs = Math.abs(theirsMs + 500 - oursMs);
    const reason = `differs by ${(skewMs / 1000).toFixed(1)} s`;
    const mend = "set this machine's clock by NTP (Linux: timedatectl set-ntp true)";
    if (skewMs > CLOCK_FAIL_MS) return fail(reason, mend);
    if (skewMs > CLOCK_WARN_MS) return warn(reason, mend);
    return ok(`within ${Math.max(1, Math.ceil(skewMs / 1000))} s of this machine's`);
  });
}

/** Only where /health answered: one fault is told once. */
async function withAnswer(
  { target }: Patient,
  path: string,
  examine: (answer: Answered, target: Target) => Outcome | Promise<Outcome>,
): Promise<Outcome> {
  if (!target) return noTarget();
  const first = await target.get("/health");
  if (first.kind !== "answer") return skipped("/health did not answer");
  const answer = await target.get(path);
  return answer.kind === "answer" ? examine(answer, target) : unanswered(answer, target);
}

function unanswered(answer: Exclude<Answer, Answered>, { url }: Target): Outcome {
  if (answer.kind === "redirect") {
    return fail(
      `redirects (${answer.status}) to ${answer.location}`,
      "give the URL that it leads to: --url <url>",
    );
  }
  const start = url.port && url.port !== "8787" ? `PORT=${url.port} npm start` : "npm start";
  return fail(
    `${url.origin}: ${answer.reason}`,
    isThisMachine(url)
      ? `${start} in another terminal, or give its URL: --url <url>`
      : "check the URL and the network",
  );
}

function noTarget(): Outcome {
  return skipped("only the checkout is looked at");
}

function logOf({ url }: Target): string {
  return isThisMachine(url)
    ? "read what npm start printed; LOG_LEVEL=debug npm start says more"
    : "npx wrangler tail shows its log; npm run doctor without --url checks its configuration";
}

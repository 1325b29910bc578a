/** Waits until the product is healthy. A new host name or version takes a moment to be everywhere. */
import { setTimeout as sleep } from "node:timers/promises";
import { fieldsIn, textIn } from "../doctor/fields.ts";
import { readManifest } from "../doctor/manifest.ts";
import { type TargetAnswer, ask } from "../doctor/target.ts";
import { type Deployment, done, failed, skip, type StepResult } from "./step.ts";

const POLL_MS = 1_000;

export async function verifyHealth(
  { options, url, versionId, headers, interrupted }: Deployment,
  say: (line: string) => void,
): Promise<StepResult> {
  if (!url) return skip(versionId ? "wrangler reported no URL" : "no running product");
  const { version } = await readManifest(options.root);
  const startedAtMs = performance.now();
  let reported = "";
  for (;;) {
    const answer = await ask(url, "/health", headers);
    if (answer.kind === "redirect") {
      return failed(
        `/health redirects to ${answer.location}`,
        "verify the URL it redirects to: npm run deploy -- --url <url>",
      );
    }
    const running = answer.kind === "answer" ? textIn(answer.body, "version") : null;
    const problem = problemOf(answer) ?? olderOf(answer, versionId, version);
    if (problem === null) {
      return done(
        `${url.origin} is ok, runs ${running}${running === version ? "" : ` (this checkout is ${version})`}`,
      );
    }
    if (interrupted.aborted || performance.now() - startedAtMs > options.waitMs) {
      const next = `find the cause: npm run doctor -- --url ${url.origin}`;
      return failed(`not healthy after ${Math.round(options.waitMs / 1_000)} s: ${problem}`, next);
    }
    if (problem !== reported) say(`  waiting: ${problem}`);
    reported = problem;
    await sleep(POLL_MS);
  }
}

/** What still runs in place of the uploaded version; null if that does. Older products do not say which version of Cloudflare's they are. */
function olderOf(
  answer: Exclude<TargetAnswer, { kind: "redirect" }>,
  versionId: string | null,
  version: string,
): string | null {
  if (versionId === null || answer.kind === "unreachable") return null;
  const deployment = textIn(answer.body, "deployment");
  if (deployment !== null && deployment !== versionId) return `version ${deployment} still answers`;
  const running = textIn(answer.body, "version");
  return running === version ? null : `still runs ${running}`;
}

/** Why the product is not healthy yet, or null. */
function problemOf(answer: Exclude<TargetAnswer, { kind: "redirect" }>): string | null {
  if (answer.kind === "unreachable") return answer.reason;
  const status = textIn(answer.body, "status");
  if (answer.status !== 200 || status === null) return `/health returns ${answer.status}`;
  if (status === "ok") return null;
  const faults = Object.entries(fieldsIn(answer.body, "checks")).filter(([, state]) => state !== "ok");
  return `status ${status}: ${faults.map(([name, state]) => `${name}: ${String(state)}`).join("; ")}`;
}

/** Waits until the product is healthy: a new host name or a new version needs a moment to be everywhere. */
import { setTimeout as sleep } from "node:timers/promises";
import { fieldsIn, textIn } from "../doctor/fields.ts";
import { readManifest } from "../doctor/manifest.ts";
import { type Answer, ask } from "../doctor/target.ts";
import { type Deployment, done, failed, skip, type StepResult } from "./step.ts";

const POLL_MS = 1_000;

export async function verifyHealth(
  { options, url, versionId }: Deployment,
  say: (line: string) => void,
): Promise<StepResult> {
  if (!url) return skip(versionId ? "wrangler named no address to ask" : "nothing runs to be asked");
  const { version } = await readManifest(options.root);
  const startedAtMs = performance.now();
  let said = "";
  for (;;) {
    const answer = await ask(url, "/health");
    if (answer.kind === "redirect") {
      return failed(
        `/health redirects to ${answer.location}`,
        "verify what it leads to: npm run deploy -- --url <url>",
      );
    }
    const runs = answer.kind === "answer" ? textIn(answer.body, "version") : null;
    const problem = problemOf(answer) ?? (versionId && runs !== version ? `still runs ${runs}` : null);
    if (problem === null) {
      return done(
        `${url.origin} is ok, runs ${runs}${runs === version ? "" : ` (this checkout is ${version})`}`,
      );
    }
    if (performance.now() - startedAtMs > options.waitMs) {
      const next = `npm run doctor -- --url ${url.origin} says more`;
      return failed(`not healthy after ${Math.round(options.waitMs / 1_000)} s: ${problem}`, next);
    }
    if (problem !== said) say(`  waiting: ${problem}`);
    said = problem;
    await sleep(POLL_MS);
  }
}

/** Why the product is not healthy yet, or null. */
function problemOf(answer: Exclude<Answer, { kind: "redirect" }>): string | null {
  if (answer.kind === "unreachable") return answer.reason;
  const status = textIn(answer.body, "status");
  if (answer.status !== 200 || status === null) return `/health answers ${answer.status}`;
  if (status === "ok") return null;
  const faults = Object.entries(fieldsIn(answer.body, "checks")).filter(([, said]) => said !== "ok");
  return `is ${status}: ${faults.map(([name, said]) => `${name}: ${String(said)}`).join("; ")}`;
}

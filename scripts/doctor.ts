/**
 * `npm run doctor`: looks over this machine, the checkout and a running product, and says how to mend what is wrong.
 *
 * Changes nothing, costs no tokens, prints no secret. Exit code 1 where a check fails, 2 where it was called wrongly.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Account } from "./doctor/account.ts";
import type { Check, Patient } from "./doctor/check.ts";
import { CHECKS } from "./doctor/checks.ts";
import { examine, type Finding, summarize } from "./doctor/examine.ts";
import { findingLines, findingsDocument, summaryLine } from "./doctor/report.ts";
import { isThisMachine, Target } from "./doctor/target.ts";

const DEFAULT_URL = "http://localhost:8787";

const USAGE = `npm run doctor -- [options]

  --url <url>       the running product (${DEFAULT_URL}); one that is not on this machine is a deployed one,
                    and Cloudflare is asked too
  --no-target       only this machine and the checkout
  --only <ids>      these checks alone, separated by commas
  --project <dir>   another checkout
  --json            one JSON document instead of lines
  --help

Checks
${CHECKS.map(({ id, examines }) => `  ${id.padEnd(18)}${examines}`).join("\n")}
`;

interface Call {
  readonly patient: Patient;
  readonly checks: readonly Check[];
  readonly json: boolean;
}

/** Null where only the usage was asked for. @throws TypeError where an option is wrong. */
function readCall(): Call | null {
  const { values } = parseArgs({
    options: {
      url: { type: "string", default: DEFAULT_URL },
      "no-target": { type: "boolean", default: false },
      only: { type: "string" },
      project: { type: "string", default: join(import.meta.dirname, "..") },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const url = values["no-target"] ? null : readUrl(values.url);
  const root = resolve(values.project);
  return {
    patient: {
      root,
      account: new Account(root),
      target: url && new Target(url),
      place: url && !isThisMachine(url) ? "deployed" : "local",
      secretsFile: null,
    },
    checks: chosen(values.only),
    json: values.json,
  };
}

function readUrl(text: string): URL {
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new TypeError(`--url must be an http(s) URL, not "${text}"`);
}

function chosen(only: string | undefined): readonly Check[] {
  if (only === undefined) return CHECKS;
  const ids = only.split(",");
  const unknown = ids.filter((id) => !CHECKS.some((check) => check.id === id));
  if (unknown.length > 0) throw new TypeError(`there is no check ${unknown.join(", ")}`);
  return CHECKS.filter(({ id }) => ids.includes(id));
}

async function doctor({ patient, checks, json }: Call): Promise<void> {
  const url = patient.target?.url.origin ?? null;
  if (!json) console.log(`Edge Limiter doctor: ${url ?? "this checkout"}\n`);
  // On a terminal the check that runs is named until its finding is there.
  const terminal = json || !process.stdout.isTTY ? null : process.stdout;
  const findings: Finding[] = [];
  for await (const finding of examine(checks, patient, ({ title }) => terminal?.write(`  ...   ${title}`))) {
    findings.push(finding);
    terminal?.write("\r");
    terminal?.clearLine(1);
    if (!json) console.log(findingLines(finding));
  }
  const summary = summarize(findings);
  console.log(
    json ? JSON.stringify(findingsDocument(url, findings, summary), null, 2) : `\n${summaryLine(summary)}`,
  );
  if (summary.fail > 0) process.exitCode = 1;
}

try {
  const call = readCall();
  if (call) await doctor(call);
  else console.log(USAGE);
} catch (thrown) {
  if (!(thrown instanceof TypeError)) throw thrown;
  console.error(`${thrown.message} (npm run doctor -- --help)`);
  process.exitCode = 2;
}

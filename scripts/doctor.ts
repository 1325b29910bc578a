/**
 * `npm run doctor`: checks this machine, the checkout and a running product, and prints a fix for each problem.
 *
 * Changes nothing, spends no tokens, prints no secrets. Exit code 1 if a check fails, 2 for a usage error.
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { CloudflareAccount } from "./doctor/cloudflare-account.ts";
import type { Check, CheckContext } from "./doctor/check.ts";
import { CHECKS } from "./doctor/checks.ts";
import { examine, type Finding, summarize } from "./doctor/examine.ts";
import { findingLines, findingsDocument, summaryLine } from "./doctor/report.ts";
import { isThisMachine, Target } from "./doctor/target.ts";
import { DEFAULT_PORT, localUrl } from "./local-port.ts";

const USAGE = `npm run doctor -- [options]

  --url <url>       the product to check (default: http://localhost:<PORT>, with PORT from the environment, else ${DEFAULT_PORT}).
                    A URL on another machine counts as a deployed product: its Cloudflare account is checked too
  --no-target       check only this machine and the checkout
  --only <ids>      run only these checks, comma-separated
  --project <dir>   check another checkout
  --json            print one JSON document
  --help            print this help

Checks
${CHECKS.map(({ id, examines }) => `  ${id.padEnd(18)}${examines}`).join("\n")}
`;

interface Call {
  readonly context: CheckContext;
  readonly checks: readonly Check[];
  readonly json: boolean;
}

/** @returns null for --help. @throws TypeError if an option is invalid. */
function readCall(): Call | null {
  const { values } = parseArgs({
    options: {
      url: { type: "string" },
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
    context: {
      root,
      account: new CloudflareAccount(root),
      target: url && new Target(url),
      place: url && !isThisMachine(url) ? "deployed" : "local",
      secretsFile: null,
    },
    checks: chosen(values.only),
    json: values.json,
  };
}

function readUrl(text: string | undefined): URL {
  if (text === undefined) return localUrl();
  const url = URL.parse(text);
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  throw new TypeError(`--url must be an http or https URL, not "${text}"`);
}

function chosen(only: string | undefined): readonly Check[] {
  if (only === undefined) return CHECKS;
  const ids = only.split(",");
  const unknown = ids.filter((id) => !CHECKS.some((check) => check.id === id));
  if (unknown.length > 0) {
    throw new TypeError(
      `unknown check ${unknown.map((id) => `"${id}"`).join(", ")} (known: ${CHECKS.map(({ id }) => id).join(", ")})`,
    );
  }
  return CHECKS.filter(({ id }) => ids.includes(id));
}

async function doctor({ context, checks, json }: Call): Promise<void> {
  const url = context.target?.url.origin ?? null;
  if (!json) console.log(`Edge Limiter doctor: ${url ?? "this checkout"}\n`);
  // On a terminal, the running check is shown until its result replaces it.
  const terminal = json || !process.stdout.isTTY ? null : process.stdout;
  const findings: Finding[] = [];
  for await (const finding of examine(checks, context, ({ title }) => terminal?.write(`  ...   ${title}`))) {
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
  console.error(`${thrown.message}\nRun npm run doctor -- --help for the options.`);
  process.exitCode = 2;
}

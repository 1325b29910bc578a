/** The policy as code: check a file, compare it with the policy in force, put it into force, and write the one in force to it. */
import { readFile, writeFile } from "node:fs/promises";
import type { PolicyDocument } from "../../../src/policy/schema.ts";
import { type Command, type Context, field, type Option, REASON_OPTION, rowsOf } from "./command.ts";
import { type Deployment, faultText, jsonOf, ProblemFailure } from "./deployment.ts";
import { DIFFERENT, Failure, FAILED, OK, UsageFailure } from "./failure.ts";
import { type Difference, differencesOf, differenceText } from "./policy-difference.ts";
import { checkedPolicy, readPolicyFile, validPolicy } from "./policy-file.ts";
import { durationMs, simulate, type Simulation, simulationLines } from "./policy-simulation.ts";

const FILE: Option = { type: "string", short: "f", value: "<file>", help: "the policy (policy.json)" };
const SIMULATE: Option = {
  type: "string",
  value: "<time>",
  help: "replay the requests of the last 30m, 24h or 7d, and list who would be newly denied",
};
const MAX_NEWLY_DENIED: Option = {
  type: "string",
  value: "<n>",
  help: "with --simulate: exit 2 only if more than n accounts or addresses would be newly denied",
};

export const POLICY_COMMANDS: readonly Command[] = [
  {
    name: "policy validate",
    summary: "Check a policy, here and without a deployment",
    details: "With --online, the deployment checks it too: against its accounts, bindings and currency.",
    options: { file: FILE, online: { type: "boolean", value: "", help: "also ask the deployment" } },
    run: validate,
  },
  {
    name: "policy diff",
    summary: "Compare a policy with the one in force, by what they mean",
    details: `Exits 0 if they mean the same, 2 if they differ: defaults, formatting and the order of limits make no difference.
With --simulate, it also lists who would be newly denied; with --max-newly-denied, only too many of them exit 2.`,
    options: { file: FILE, simulate: SIMULATE, "max-newly-denied": MAX_NEWLY_DENIED },
    run: diff,
  },
  {
    name: "policy apply",
    summary: "Put a policy into force, unless the one in force means the same",
    details: `A change that somebody else makes meanwhile is never overwritten: then nothing is applied, and it exits 1. With --if-match, nothing
is applied either if the policy has changed since that revision, such as the one that was pulled or reviewed.
With --max-newly-denied, it exits 2 and applies nothing if more would be newly denied.`,
    options: {
      file: FILE,
      "if-match": { type: "string", value: "<revision>", help: "only if this revision is in force" },
      simulate: SIMULATE,
      "max-newly-denied": MAX_NEWLY_DENIED,
      force: { type: "boolean", value: "", help: "even if accounts use tiers or limits that it lacks" },
      reason: REASON_OPTION,
    },
    run: apply,
  },
  {
    name: "policy pull",
    summary: "Write the policy in force to the file",
    details: "Leaves the file as it is if it means the same. Without -f, it prints the policy.",
    options: { file: { ...FILE, help: "where to write it" } },
    run: pull,
  },
];

async function validate({ options, deployment, out }: Context): Promise<number> {
  const file = options.text("file") ?? "policy.json";
  const json = await readPolicyFile(file);
  const checked = checkedPolicy(json);
  let errors: readonly unknown[] = checked.ok ? [] : checked.faults;
  let warnings: readonly unknown[] = [];
  if (checked.ok && options.has("online")) {
    const { body } = await deployment().call("/policy/validate", {
      method: "POST",
      body: { document: json },
    });
    errors = rowsOf(body, "errors");
    warnings = rowsOf(body, "warnings");
  }
  const isValid = errors.length === 0;
  out.result({ valid: isValid, errors, warnings }, () => [
    isValid ? `${file} is valid` : `${file} is invalid:`,
    ...errors.map((fault) => `  ${faultText(fault)}`),
    ...warnings.map((fault) => `  warning: ${faultText(fault)}`),
  ]);
  return isValid ? OK : FAILED;
}

interface InForce {
  readonly revision: number;
  readonly document: PolicyDocument;
  readonly json: unknown;
}

async function inForce(deployment: Deployment): Promise<InForce> {
  const { body } = await deployment.call("/policy");
  const json: unknown = body["document"];
  const revision = Number(body["revision"]);
  const document = validPolicy(json, `revision ${revision} in force, for this version of the program,`);
  return { revision, document, json };
}

interface Compared {
  readonly wanted: PolicyDocument;
  readonly current: InForce;
  readonly differences: readonly Difference[];
  /** Null: none was asked for, or nothing differs. */
  readonly simulation: Simulation | null;
  /** Null: none was given. */
  readonly maxNewlyDenied: number | null;
}

async function compareWith(deployment: Deployment, { options }: Context): Promise<Compared> {
  const file = options.text("file") ?? "policy.json";
  const time = options.text("simulate");
  const ms = time === undefined ? null : durationMs(time);
  const maxNewlyDenied = maxOf(options.text("max-newly-denied"));
  if (maxNewlyDenied !== null && ms === null) throw new UsageFailure("--max-newly-denied needs --simulate");
  const wanted = validPolicy(await readPolicyFile(file), file);
  const current = await inForce(deployment);
  const differences = differencesOf(current.document, wanted);
  const simulation = ms === null || differences.length === 0 ? null : await simulate(deployment, wanted, ms);
  return { wanted, current, differences, simulation, maxNewlyDenied };
}

function maxOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new UsageFailure("--max-newly-denied takes a number");
}

function isTooMany({ simulation, maxNewlyDenied }: Compared): boolean {
  return simulation !== null && maxNewlyDenied !== null && simulation.newlyDeniedAccounts > maxNewlyDenied;
}

async function diff(context: Context): Promise<number> {
  const compared = await compareWith(context.deployment(), context);
  const { current, differences, simulation, maxNewlyDenied } = compared;
  context.out.result({ revision: current.revision, differences, simulation }, () =>
    differences.length === 0
      ? [`no difference from revision ${current.revision}`]
      : [
          `differs from revision ${current.revision}:`,
          ...differences.map((each) => `  ${differenceText(each)}`),
          ...(simulation ? simulationLines(simulation) : []),
        ],
  );
  if (differences.length === 0) return OK;
  return maxNewlyDenied === null || isTooMany(compared) ? DIFFERENT : OK;
}

async function apply(context: Context): Promise<number> {
  const { options, out } = context;
  const expected = options.text("if-match");
  if (expected !== undefined && !/^\d{1,15}$/.test(expected)) {
    throw new UsageFailure("--if-match takes the number of a revision");
  }
  const deployment = context.deployment();
  const compared = await compareWith(deployment, context);
  const { current, differences, simulation, wanted, maxNewlyDenied } = compared;
  const { revision } = current;
  if (differences.length === 0) {
    out.result({ revision, applied: false, differences, simulation }, () => [
      `no difference from revision ${revision}: nothing to apply`,
    ]);
    return OK;
  }
  if (isTooMany(compared) && simulation) {
    out.result({ revision, applied: false, differences, simulation }, () => [
      ...simulationLines(simulation),
      `not applied: at most ${maxNewlyDenied} may be newly denied`,
    ]);
    return DIFFERENT;
  }
  const reason = options.text("reason") ?? "edge-limiter policy apply";
  const body = { document: wanted, reason, ...(options.has("force") ? { force: true } : {}) };
  const headers = { "If-Match": `"${expected ?? revision}"` };
  const put = await deployment.call("/policy", { method: "PUT", body, headers }).catch((thrown: unknown) => {
    if (!(thrown instanceof ProblemFailure)) throw thrown;
    if (thrown.status === 409) {
      throw new Failure(thrown.message.replace('or send "force": true', "or apply it with --force"));
    }
    if (thrown.status !== 412) throw thrown;
    const detail = field(thrown.body, "detail").replace(/ Read it again.*$/, "");
    throw new Failure(
      `refused, so that no change is lost. ${detail} Compare with it (policy diff), take over what you want to keep, and apply again.`,
    );
  });
  const now = Number(put.body["revision"]);
  const warnings = rowsOf(put.body, "warnings");
  out.result({ revision: now, applied: true, differences, simulation, warnings }, () => [
    ...differences.map((each) => `  ${differenceText(each)}`),
    ...(simulation ? [...simulationLines(simulation), ""] : []),
    ...warnings.map((fault) => `  warning: ${faultText(fault)}`),
    `applied: revision ${now} (was ${revision}). It is in force here now, and within a minute everywhere.`,
  ]);
  return OK;
}

async function pull({ options, deployment, out }: Context): Promise<number> {
  const { revision, document, json } = await inForce(deployment());
  const file = options.text("file");
  const text = `${JSON.stringify(json, null, 2)}\n`;
  if (file === undefined) {
    console.log(text.trimEnd());
    return OK;
  }
  const there = checkedPolicy(jsonOf(await readFile(file, "utf8").catch(() => "")));
  const isSame = there.ok && differencesOf(document, there.document).length === 0;
  if (!isSame) {
    await writeFile(file, text).catch((thrown: unknown) => {
      throw new Failure(`cannot write ${file}: ${thrown instanceof Error ? thrown.message : thrown}`);
    });
  }
  out.result({ revision, file, written: !isSame }, () => [
    isSame
      ? `${file} means the same as revision ${revision}: left as it is`
      : `${file} is revision ${revision} now`,
  ]);
  return OK;
}

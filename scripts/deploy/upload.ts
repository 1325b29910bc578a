/** Uploads with `wrangler deploy`, non-interactively, and explains its refusals. */
import { type CommandResult, firstError, runWrangler } from "../doctor/command.ts";
import { CHOOSE_ACCOUNT, LOGIN, putSecrets } from "../doctor/cloudflare-checks.ts";
import { isFields, parsed, rowsOf, textIn } from "../doctor/fields.ts";
import { uploads } from "./prepare.ts";
import { type Deployment, done, failed, type Shares, skip, type StepResult } from "./step.ts";
import { tagArguments } from "./storage-schema.ts";
import { urlOf, withEvents } from "./wrangler-events.ts";

/** Uploads take seconds; creating a namespace and a domain's certificate takes longer. */
export const UPLOAD_TIMEOUT_MS = 600_000;

interface Refusal {
  /** Matches wrangler's output. */
  readonly output: RegExp;
  readonly reason: string;
  readonly next: string;
}

/** Known refusals of wrangler, each with a short reason and what to do. The first match is reported. */
const REFUSALS: readonly Refusal[] = [
  {
    output: /CLOUDFLARE_API_TOKEN|wrangler login|not authenticated|Authentication error|logged in/i,
    reason: "wrangler is not logged in",
    next: LOGIN,
  },
  { output: /more than one account/i, reason: "the login has several accounts", next: CHOOSE_ACCOUNT },
  {
    output: /required secrets have not been set/i,
    reason: "the Worker lacks a secret that wrangler.toml requires",
    next: `${putSecrets(["ADMIN_TOKEN"])}, or: npm run deploy -- --secrets-file <file>`,
  },
  {
    output: /workers\.dev subdomain/i,
    reason: "the account has no workers.dev subdomain yet",
    next: "open Workers & Pages in Cloudflare's dashboard once (this registers a subdomain), or set a route in wrangler.toml",
  },
  {
    // Wrangler reuses the namespace of the running version; without one, it can only create a new namespace.
    output: /title already exists|\b10014\b/i,
    reason: "the account has a KV namespace with this name, but no version of the Worker uses it",
    next: 'find its id with npx wrangler kv namespace list, and add id = "<id>" below binding = "CONFIG" in wrangler.toml',
  },
  {
    output: /because of conflicts/i,
    reason: "this deployment would overwrite changes made on Cloudflare's dashboard",
    next: "copy the changes into wrangler.toml, or overwrite them: npm run deploy -- --overwrite",
  },
  {
    output: /fetch failed|ENOTFOUND|EAI_AGAIN|ECONNREFUSED/i,
    reason: "Cloudflare is unreachable",
    next: "check the network",
  },
];

export async function upload(deployment: Deployment, say: (line: string) => void): Promise<StepResult> {
  const { options } = deployment;
  if (!uploads(options)) return skip(options.url ? "--url only verifies" : "--dry-run");
  deployment.previousVersionId = await currentVersion(options.root);
  const args = [
    "deploy",
    // --strict refuses to overwrite changes made on the dashboard. The Deploy button's own build must overwrite them.
    ...(options.overwrite || process.env["WORKERS_CI"] ? [] : ["--strict"]),
    ...(options.secretsFile === null ? [] : ["--secrets-file", options.secretsFile]),
    ...(await tagArguments(options.root)),
  ];
  const { ran, deployed, failure } = await withEvents((environment) =>
    runWrangler(options.root, args, { environment, onOutput: say, timeoutMs: UPLOAD_TIMEOUT_MS }),
  );
  if (!ran.ok || !deployed?.versionId) return refused(ran, failure);
  deployment.versionId = deployed.versionId;
  deployment.url = urlOf(deployed.targets);
  return done(`version ${deployed.versionId}${deployment.url ? ` at ${deployment.url.origin}` : ""}`);
}

/** Why wrangler did not upload, and what to do. */
export function refused(ran: CommandResult, failure: string | null): StepResult {
  const refusal = REFUSALS.find(({ output }) => output.test(`${failure}\n${ran.stderr}\n${ran.stdout}`));
  const reason = refusal?.reason ?? failure?.split("\n")[0] ?? firstError(ran);
  const next =
    refusal?.next ??
    "read wrangler's output above (npx wrangler deployments status shows the running version)";
  return failed(reason, `${next}; then run npm run deploy again`);
}

/** The version that serves most of the traffic; null if the Worker does not exist yet. */
async function currentVersion(root: string): Promise<string | null> {
  const [most] = Object.entries(await currentShares(root)).toSorted(([, a], [, b]) => b - a);
  return most?.[0] ?? null;
}

/** Which versions serve how much of the traffic; none if the Worker does not exist yet, or wrangler does not answer. */
export async function currentShares(root: string): Promise<Shares> {
  const ran = await runWrangler(root, ["deployments", "status", "--json"]);
  const status = parsed(ran.stdout);
  const versions = rowsOf(isFields(status) ? status["versions"] : null);
  return Object.fromEntries(
    versions.map((version) => [textIn(version, "version_id") ?? "", Number(version["percentage"])]),
  );
}

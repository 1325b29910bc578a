/** The upload itself: `wrangler deploy`, without a question, and what to do where it refuses. */
import { firstError, runWrangler } from "../doctor/command.ts";
import { CHOOSE_ACCOUNT, LOGIN, putSecrets } from "../doctor/cloudflare-checks.ts";
import { isFields, parsed, rowsOf, textIn } from "../doctor/fields.ts";
import { uploads } from "./prepare.ts";
import { type Deployment, done, failed, skip, type StepResult } from "./step.ts";
import { urlOf, withEvents } from "./wrangler-events.ts";

/** Uploads take seconds; making a namespace and a domain's certificate some more. */
const UPLOAD_TIMEOUT_MS = 600_000;

interface Refusal {
  /** What wrangler prints. */
  readonly says: RegExp;
  readonly means: string;
  readonly next: string;
}

/** Why wrangler refuses, in fewer words than its own, and what to do. The first that fits is said. */
const REFUSALS: readonly Refusal[] = [
  {
    says: /CLOUDFLARE_API_TOKEN|wrangler login|not authenticated|Authentication error|logged in/i,
    means: "wrangler is not logged in",
    next: LOGIN,
  },
  { says: /more than one account/i, means: "the login has several accounts", next: CHOOSE_ACCOUNT },
  {
    says: /required secrets have not been set/i,
    means: "the Worker lacks a secret that wrangler.toml requires",
    next: `${putSecrets(["ADMIN_TOKEN"])}, or: npm run deploy -- --secrets-file <file>`,
  },
  {
    says: /workers\.dev subdomain/i,
    means: "the account has no workers.dev name yet",
    next: "open Workers & Pages in Cloudflare's dashboard once (that registers one), or set a route in wrangler.toml",
  },
  {
    // Wrangler takes over the namespace of the version that runs; where none does, it only makes new ones.
    says: /title already exists|\b10014\b/i,
    means: "the account has a namespace of that name, but no version of the Worker uses it",
    next: 'take its id from npx wrangler kv namespace list, and add id = "<id>" below binding = "CONFIG" in wrangler.toml',
  },
  {
    says: /because of conflicts/i,
    means: "Cloudflare's dashboard has changed what this would replace",
    next: "take the change over into wrangler.toml, or replace it: npm run deploy -- --overwrite",
  },
  {
    says: /fetch failed|ENOTFOUND|EAI_AGAIN|ECONNREFUSED/i,
    means: "Cloudflare cannot be reached",
    next: "check the network",
  },
];

export async function upload(deployment: Deployment, say: (line: string) => void): Promise<StepResult> {
  const { options } = deployment;
  if (!uploads(options)) return skip(options.url ? "--url: verifies what runs there" : "--dry-run");
  deployment.previousVersionId = await currentVersion(options.root);
  const args = [
    "deploy",
    // Refuses where the dashboard has changed what this would replace. The button's own build may.
    ...(options.overwrite || process.env["WORKERS_CI"] ? [] : ["--strict"]),
    ...(options.secretsFile === null ? [] : ["--secrets-file", options.secretsFile]),
  ];
  const { ran, deployed, failure } = await withEvents((environment) =>
    runWrangler(options.root, args, { environment, onOutput: say, timeoutMs: UPLOAD_TIMEOUT_MS }),
  );
  if (!ran.ok || !deployed?.versionId) {
    const refusal = REFUSALS.find(({ says }) => says.test(`${failure}\n${ran.stderr}\n${ran.stdout}`));
    const reason = refusal?.means ?? failure?.split("\n")[0] ?? firstError(ran);
    const next =
      refusal?.next ?? "read what wrangler says above (npx wrangler deployments status: what runs now)";
    return failed(reason, `${next}; then run npm run deploy again`);
  }
  deployment.versionId = deployed.versionId;
  deployment.url = urlOf(deployed.targets);
  return done(`version ${deployed.versionId}${deployment.url ? ` at ${deployment.url.origin}` : ""}`);
}

/** The version that takes the most of the traffic now; null for a Worker that is not there yet. */
async function currentVersion(root: string): Promise<string | null> {
  const ran = await runWrangler(root, ["deployments", "status", "--json"]);
  const status = parsed(ran.stdout);
  const versions = rowsOf(isFields(status) ? status["versions"] : null);
  const [most] = versions.toSorted((a, b) => Number(b["percentage"]) - Number(a["percentage"]));
  return textIn(most, "version_id");
}

/** Checks of the Cloudflare account, through wrangler: the login, the deployed Worker's secrets, the KV namespace. */
import { fail, ok, type CheckOutcome, type CheckContext, skipped, warn } from "./check.ts";
import { firstError, runWrangler } from "./command.ts";
import {
  type Configuration,
  readConfiguration,
  readSecrets,
  requiredSecrets,
  variablesOf,
} from "./configuration.ts";
import { parsed, rowsOf, textIn } from "./fields.ts";
import { halfSet } from "./stripe-check.ts";

export const LOGIN =
  'npx wrangler login (without a browser: export CLOUDFLARE_API_TOKEN=<a token made from the template "Edit Cloudflare Workers">)';
export const CHOOSE_ACCOUNT = "export CLOUDFLARE_ACCOUNT_ID=<id of the account to deploy to>";

export async function login({ root, account }: CheckContext): Promise<CheckOutcome> {
  const answer = await account.login();
  switch (answer.kind) {
    case "unanswered":
      return fail(`wrangler whoami failed: ${answer.reason}`, LOGIN);
    case "logged-out":
      return fail("wrangler is not logged in", LOGIN);
    case "logged-in": {
      const chosen = process.env["CLOUDFLARE_ACCOUNT_ID"] ?? (await readConfiguration(root)).account_id;
      // Only a warning: wrangler may remember an account chosen earlier.
      return answer.accounts.length > 1 && !chosen
        ? warn(`the login has several accounts: ${answer.accounts.join(", ")}`, CHOOSE_ACCOUNT)
        : ok(answer.by);
    }
  }
}

/** Wrangler prompts for the value, so it stays out of the shell history. It creates the Worker if there is none. */
export function putSecrets(names: readonly string[]): string {
  const puts = names.map((name) => `npx wrangler secret put ${name}`).join(" && ");
  return `${puts} (paste the output of openssl rand -hex 32, and keep a copy)`;
}

/** Compares names only: Cloudflare never returns the value of a secret. */
export async function deployedSecrets(context: CheckContext): Promise<CheckOutcome> {
  const { root, secretsFile } = context;
  const required = requiredSecrets(await readConfiguration(root));
  const brought = secretsFile === null ? {} : await readSecrets(secretsFile);
  if (brought === null) {
    return fail("cannot read the file of --secrets-file", "pass a file of NAME=value lines or a JSON object");
  }
  const answer = await askWrangler(context, ["secret", "list"]);
  if (answer.kind === "outcome") return answer.outcome;
  const isNew = answer.kind === "no-worker";
  const listed = isNew ? [] : answer.rows.map((secret) => textIn(secret, "name"));
  const missing = required.filter((name) => !listed.includes(name) && !brought[name]);
  const stripe = halfSet([...listed, ...Object.keys(brought)]);
  if (missing.length === 0 && stripe !== null) {
    return fail(stripe, "set both secrets of Stripe, or delete the one: docs/stripe.md#set-it-up");
  }
  if (missing.length === 0) return ok(required.join(", "));
  return isNew
    ? warn(`the Worker is not deployed yet and needs ${missing.join(", ")}`, putSecrets(missing))
    : fail(`the deployed Worker lacks ${missing.join(", ")}`, putSecrets(missing));
}

/**
 * Without an id in wrangler.toml, the first deployment creates the namespace `<worker>-config` and later versions
 * inherit it.
 */
export async function namespace(context: CheckContext): Promise<CheckOutcome> {
  const configuration = await readConfiguration(context.root);
  const answer = await askWrangler(context, ["kv", "namespace", "list"]);
  if (answer.kind === "outcome") return answer.outcome;
  const rows = answer.kind === "rows" ? answer.rows : [];
  const id = configuration.kv_namespaces.find(({ binding }) => binding === "CONFIG")?.id;
  if (id) {
    return rows.some((row) => row["id"] === id)
      ? ok(`CONFIG is ${id}`)
      : fail(
          `the account has no namespace ${id}`,
          "remove the id of CONFIG from wrangler.toml (npm run deploy then creates one), or log in to its account",
        );
  }
  const title = `${configuration.name ?? ""}-config`;
  return rows.some((row) => row["title"] === title)
    ? ok(`CONFIG is ${title}`)
    : warn(`there is no namespace ${title} yet`, "npm run deploy (creates the namespace)");
}

/** The key in KV in which the deployment keeps its first jurisdiction (src/objects/jurisdiction-state.ts). */
const JURISDICTION_KEY = "jurisdiction";
const NO_JURISDICTION = "none";

/** Objects of another jurisdiction are other objects: a deployment that changes its own has no accounts, counters or invoices. */
export async function jurisdiction(context: CheckContext): Promise<CheckOutcome> {
  const configuration = await readConfiguration(context.root);
  const wanted = variablesOf(configuration)["JURISDICTION"] || NO_JURISDICTION;
  const answer = await askWrangler(context, ["kv", "namespace", "list"]);
  if (answer.kind === "outcome") return answer.outcome;
  const id = namespaceIdOf(configuration, answer.kind === "rows" ? answer.rows : []);
  if (id === null) return ok(`${wanted}; nothing is deployed yet`);
  const args = ["kv", "key", "get", JURISDICTION_KEY, "--namespace-id", id, "--remote", "--text"];
  const ran = await runWrangler(context.root, args);
  const first = /^(none|eu|us)$/m.exec(ran.stdout.trim())?.[1];
  // Wrangler says "Value not found" in one version, and fails with 404 in another.
  if (first === undefined) return ok(`${wanted}; the deployment has not been used yet`);
  if (first === wanted) return ok(wanted);
  return fail(
    `JURISDICTION is ${wanted}, but the deployment's objects are in ${first}: it would find no account, counter or invoice`,
    first === NO_JURISDICTION
      ? "remove JURISDICTION from wrangler.toml; for another one, deploy under another name and move accounts (docs/privacy.md#place)"
      : `set JURISDICTION = "${first}" under [vars] in wrangler.toml (docs/privacy.md#place)`,
  );
}

/** The namespace of CONFIG; null if there is none yet. */
function namespaceIdOf(configuration: Configuration, rows: ReturnType<typeof rowsOf>): string | null {
  const declared = configuration.kv_namespaces.find(({ binding }) => binding === "CONFIG")?.id;
  const title = `${configuration.name ?? ""}-config`;
  return (
    declared ??
    textIn(
      rows.find((row) => row["title"] === title),
      "id",
    )
  );
}

type WranglerAnswer =
  | { readonly kind: "rows"; readonly rows: ReturnType<typeof rowsOf> }
  | { readonly kind: "no-worker" }
  | { readonly kind: "outcome"; readonly outcome: CheckOutcome };

/** Runs a wrangler command that prints a list. Skips without a login, which the check `login` reports. */
async function askWrangler(
  { root, account }: CheckContext,
  args: readonly string[],
): Promise<WranglerAnswer> {
  if ((await account.login()).kind !== "logged-in") {
    return { kind: "outcome", outcome: skipped("wrangler is not logged in") };
  }
  const ran = await runWrangler(root, args);
  const list = parsed(ran.stdout);
  if (ran.ok && Array.isArray(list)) return { kind: "rows", rows: rowsOf(list) };
  if (/Worker "[^"]*".* not found/.test(ran.stderr + ran.stdout)) return { kind: "no-worker" };
  const reason = `wrangler ${args.join(" ")}: ${firstError(ran)}`;
  return {
    kind: "outcome",
    outcome: fail(reason, "fix what the message says; an API token may lack a permission"),
  };
}

/** What only Cloudflare knows: the login, the secrets of the deployed Worker, the KV namespace. Through wrangler alone. */
import { fail, ok, type Outcome, type Patient, skipped, warn } from "./check.ts";
import { firstError, runWrangler } from "./command.ts";
import { readConfiguration, readSecrets, requiredSecrets } from "./configuration.ts";
import { parsed, rowsOf, textIn } from "./fields.ts";

export const LOGIN =
  "npx wrangler login (without a browser: export CLOUDFLARE_API_TOKEN=<one made from the template Edit Cloudflare Workers>)";
export const CHOOSE_ACCOUNT = "export CLOUDFLARE_ACCOUNT_ID=<the id of the account to deploy to>";

export async function login({ root, account }: Patient): Promise<Outcome> {
  const answer = await account.login();
  switch (answer.kind) {
    case "unanswered":
      return fail(`Cloudflare cannot be asked: ${answer.reason}`, LOGIN);
    case "logged-out":
      return fail("wrangler is not logged in", LOGIN);
    case "logged-in": {
      const chosen = process.env["CLOUDFLARE_ACCOUNT_ID"] ?? (await readConfiguration(root)).account_id;
      // Wrangler remembers one that it once asked for, so this may go well.
      return answer.accounts.length > 1 && !chosen
        ? warn(`the login has several accounts: ${answer.accounts.join(", ")}`, CHOOSE_ACCOUNT)
        : ok(answer.by);
    }
  }
}

/** Wrangler asks for the value, so that it is in no history; a Worker that is not there yet is made. */
export function putSecrets(names: readonly string[]): string {
  const puts = names.map((name) => `npx wrangler secret put ${name}`).join(" && ");
  return `${puts} (paste what openssl rand -hex 32 prints, and keep it)`;
}

/** Names only: Cloudflare never gives a secret's value back. */
export async function deployedSecrets(patient: Patient): Promise<Outcome> {
  const { root, secretsFile } = patient;
  const required = requiredSecrets(await readConfiguration(root));
  const brought = secretsFile === null ? {} : await readSecrets(secretsFile);
  if (brought === null) {
    return fail("the file of --secrets-file cannot be read", "name a file of NAME=value lines, or JSON");
  }
  const answer = await askWrangler(patient, ["secret", "list"]);
  if (answer.kind === "outcome") return answer.outcome;
  const isNew = answer.kind === "no-worker";
  const listed = isNew ? [] : answer.rows.map((secret) => textIn(secret, "name"));
  const missing = required.filter((name) => !listed.includes(name) && !brought[name]);
  if (missing.length === 0) return ok(required.join(", "));
  return isNew
    ? warn(`the Worker is new and has no ${missing.join(", ")} yet`, putSecrets(missing))
    : fail(`the deployed Worker lacks ${missing.join(", ")}`, putSecrets(missing));
}

/** Wrangler makes the namespace with the first deploy, under this name; later versions inherit it where wrangler.toml has no id. */
export async function namespace(patient: Patient): Promise<Outcome> {
  const configuration = await readConfiguration(patient.root);
  const answer = await askWrangler(patient, ["kv", "namespace", "list"]);
  if (answer.kind === "outcome") return answer.outcome;
  const rows = answer.kind === "rows" ? answer.rows : [];
  const id = configuration.kv_namespaces.find(({ binding }) => binding === "CONFIG")?.id;
  if (id) {
    return rows.some((row) => row["id"] === id)
      ? ok(`CONFIG is ${id}`)
      : fail(
          `the account has no namespace ${id}`,
          "remove the id of CONFIG from wrangler.toml (deploy then makes one), or log in to its account",
        );
  }
  const title = `${configuration.name ?? ""}-config`;
  return rows.some((row) => row["title"] === title)
    ? ok(`CONFIG is ${title}`)
    : warn(`there is no namespace ${title} yet`, "npm run deploy (it makes the namespace)");
}

type WranglerAnswer =
  | { readonly kind: "rows"; readonly rows: ReturnType<typeof rowsOf> }
  | { readonly kind: "no-worker" }
  | { readonly kind: "outcome"; readonly outcome: Outcome };

/** Asks for a list. Where nobody is logged in, one check has said so already. */
async function askWrangler({ root, account }: Patient, args: readonly string[]): Promise<WranglerAnswer> {
  if ((await account.login()).kind !== "logged-in") {
    return { kind: "outcome", outcome: skipped("wrangler is not logged in") };
  }
  const ran = await runWrangler(root, args);
  const list = parsed(ran.stdout);
  if (ran.ok && Array.isArray(list)) return { kind: "rows", rows: rowsOf(list) };
  if (/Worker "[^"]*".* not found/.test(ran.stderr + ran.stdout)) return { kind: "no-worker" };
  const reason = `wrangler ${args.join(" ")}: ${firstError(ran)}`;
  return { kind: "outcome", outcome: fail(reason, "mend what it says; a token may lack the permission") };
}

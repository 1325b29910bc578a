/** Checks of the checkout's configuration: bindings, generated types, policy, variables, local secrets. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail, few, ok, type CheckOutcome, type CheckContext, warn } from "./check.ts";
import { firstError, runWrangler } from "./command.ts";
import {
  type Configuration,
  readConfiguration,
  readSecrets,
  requiredSecrets,
  variablesOf,
} from "./configuration.ts";
import { fieldsIn, isFields, parsed, rowsOf, textIn } from "./fields.ts";
import { readManifest } from "./manifest.ts";

export const LOCAL_SECRETS = ".dev.vars";
/** The policy that ships. */
export const POLICY = join("policy", "default.json");

/** A declaration in wrangler.toml that the Worker requires, with the lines that add it. */
interface RequiredBinding {
  readonly name: string;
  readonly isDeclared: (configuration: Configuration) => boolean;
  readonly lines: string;
}

const REQUIRED_BINDINGS: readonly RequiredBinding[] = [
  {
    name: "CONFIG",
    isDeclared: ({ kv_namespaces }) => kv_namespaces.some(({ binding }) => binding === "CONFIG"),
    lines: '[[kv_namespaces]] binding = "CONFIG"',
  },
  ...object("USER_LIMITER", "UserLimiter"),
  ...object("POLICY_REGISTRY", "PolicyRegistry"),
  ...object("ACCOUNT_DIRECTORY", "AccountDirectory"),
  ...object("BILLING_REGISTER", "BillingRegister"),
  ...object("WEBHOOK_DESK", "WebhookDesk"),
];

/** The bindings of src/edge/shields.ts. */
const SHIELDS = ["FLOOD_SHIELD", "CREDENTIAL_SHIELD"] as const;

/** A Durable Object needs two tables: one binds it, the other gives it its storage. */
function object(name: string, className: string): RequiredBinding[] {
  return [
    {
      name,
      isDeclared: ({ durable_objects: { bindings: bound } }) =>
        bound.some((binding) => binding.name === name && binding.class_name === className),
      lines: `[[durable_objects.bindings]] name = "${name}", class_name = "${className}"`,
    },
    {
      name: `exports.${className}`,
      isDeclared: ({ exports }) => {
        const declared = fieldsIn(exports, className);
        return declared["type"] === "durable-object" && declared["storage"] === "sqlite";
      },
      lines: `[exports.${className}] type = "durable-object", storage = "sqlite"`,
    },
  ];
}

export async function bindings({ root }: CheckContext): Promise<CheckOutcome> {
  let configuration: Configuration;
  try {
    configuration = await readConfiguration(root);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return fail(`wrangler.toml: ${message.trim()}`, "correct wrangler.toml as described");
  }
  const missing = REQUIRED_BINDINGS.filter(({ isDeclared }) => !isDeclared(configuration));
  if (missing.length === 0) {
    const bound = REQUIRED_BINDINGS.map(({ name }) => name).filter((name) => !name.startsWith("exports."));
    return ok(`${bound.join(", ")}; ${shieldsIn(configuration)}`);
  }
  return fail(
    `wrangler.toml lacks ${missing.map(({ name }) => name).join(", ")}`,
    `add to wrangler.toml: ${missing.map(({ lines }) => lines).join("; ")}`,
  );
}

/** The optional shields, and how to bind those that are missing. */
function shieldsIn({ ratelimits }: Configuration): string {
  const missing = SHIELDS.filter((shield) => !ratelimits?.some(({ name }) => name === shield));
  if (missing.length === 0) return `shields: ${SHIELDS.join(", ")}`;
  return `without ${missing.join(" and ")} (optional: docs/rules.md#shields)`;
}

/** Runs the command of `npm run check:env`, so that both use the same options. */
export async function types({ root }: CheckContext): Promise<CheckOutcome> {
  const script = (await readManifest(root)).scripts["check:env"] ?? "";
  const [program, ...args] = script.split(/\s+/);
  if (program !== "wrangler") {
    return fail("package.json has no script check:env that runs wrangler", "git checkout package.json");
  }
  const ran = await runWrangler(root, args);
  if (ran.ok) return ok("worker-configuration.d.ts matches wrangler.toml");
  return fail(`worker-configuration.d.ts: ${firstError(ran)}`, "npm run types");
}

export async function policy({ root }: CheckContext): Promise<CheckOutcome> {
  const fix = `correct ${POLICY} (schema: src/policy/schema.ts)`;
  const text = await readFile(join(root, POLICY), "utf8").catch(() => null);
  if (text === null) return fail(`cannot read ${POLICY}`, `git checkout ${POLICY}`);
  const document = parsed(text);
  if (document === undefined) return fail(`${POLICY} is not JSON`, fix);
  const { compilePolicy } = await import("../../src/policy/compile.ts");
  const compiled = compilePolicy(document, 0);
  if (!compiled.ok) {
    return fail(few(compiled.faults.map(({ path, message }) => `${path || "/"} ${message}`)), fix);
  }
  return ok(`tiers: ${compiled.value.tiers.size}, routes: ${compiled.value.routes.all.length}`);
}

/** Passes the known values to the Worker's own reader. Deployed secrets are unknown here, so their faults are ignored. */
export async function variables({ root, place, secretsFile }: CheckContext): Promise<CheckOutcome> {
  const configuration = await readConfiguration(root);
  const file = place === "local" ? join(root, LOCAL_SECRETS) : secretsFile;
  const secrets = (file === null ? null : await readSecrets(file)) ?? {};
  const environment = { ...variablesOf(configuration), ...secrets };
  const unknown = new Set(requiredSecrets(configuration).filter((name) => environment[name] === undefined));
  const faults = (await faultsOf(environment)).filter(({ name }) => !unknown.has(name));
  const missing = missingService(environment["UPSTREAM"], configuration);
  if (missing !== null) {
    faults.push({ name: "UPSTREAM", message: `wrangler.toml has no service binding ${missing}` });
  }
  if (faults.length === 0) return ok(Object.keys(variablesOf(configuration)).join(", "));
  return fail(
    few(faults.map(({ name, message }) => `${name}: ${message}`)),
    `set variables under [vars] in wrangler.toml; set secrets in ${LOCAL_SECRETS}, or with npx wrangler secret put <NAME>`,
  );
}

interface VariableFault {
  readonly name: string;
  readonly message: string;
}

/**
 * Runs readSettings of src/settings.ts. The module's types depend on the platform's, which scripts are not compiled
 * against, so it is imported by URL and its result is parsed.
 */
async function faultsOf(environment: Readonly<Record<string, string>>): Promise<VariableFault[]> {
  const module: unknown = await import(new URL("../../src/settings.ts", import.meta.url).href);
  const read = isFields(module) ? module["readSettings"] : undefined;
  if (typeof read !== "function") throw new Error("src/settings.ts exports no readSettings");
  const answer: unknown = read(environment);
  if (!isFields(answer) || typeof answer["ok"] !== "boolean")
    throw new Error("readSettings returned no result");
  return rowsOf(answer["faults"]).map((fault) => ({
    name: (textIn(fault, "path") ?? "").slice(1),
    message: textIn(fault, "message") ?? "is not valid",
  }));
}

/** The service binding that UPSTREAM names but wrangler.toml lacks, or null. `npm start` declares ORIGIN itself. */
function missingService(named: string | undefined, configuration: Configuration): string | null {
  const service = /^service:(.+)$/.exec(named ?? "")?.[1];
  if (service === undefined || service === "ORIGIN") return null;
  return configuration.services?.some(({ binding }) => binding === service) ? null : service;
}

export async function localSecrets({ root }: CheckContext): Promise<CheckOutcome> {
  const required = requiredSecrets(await readConfiguration(root));
  const secrets = await readSecrets(join(root, LOCAL_SECRETS));
  if (secrets === null) {
    return warn(`there is no ${LOCAL_SECRETS} yet`, "npm start (creates it with a random ADMIN_TOKEN)");
  }
  const missing = required.filter((name) => !secrets[name]);
  if (missing.length === 0) return ok(`${LOCAL_SECRETS} has ${required.join(", ")}`);
  const lines = missing
    .map((name) => `echo "${name}=$(openssl rand -hex 32)" >> ${LOCAL_SECRETS}`)
    .join(" && ");
  return fail(`${LOCAL_SECRETS} lacks ${missing.join(", ")}`, lines);
}

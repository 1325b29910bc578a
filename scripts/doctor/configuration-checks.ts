/** Whether the checkout is fit to run and to deploy: bindings, generated types, policy, variables, local secrets. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fail, few, ok, type Outcome, type Patient, skipped, warn } from "./check.ts";
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
const POLICY = join("policy", "default.json");

/** What the Worker cannot run without, each with the lines of wrangler.toml that declare it. */
interface Needed {
  readonly name: string;
  readonly isDeclared: (configuration: Configuration) => boolean;
  readonly lines: string;
}

const NEEDED: readonly Needed[] = [
  {
    name: "CONFIG",
    isDeclared: ({ kv_namespaces }) => kv_namespaces.some(({ binding }) => binding === "CONFIG"),
    lines: '[[kv_namespaces]] binding = "CONFIG"',
  },
  ...object("USER_LIMITER", "UserLimiter"),
  ...object("POLICY_REGISTRY", "PolicyRegistry"),
  ...object("ACCOUNT_DIRECTORY", "AccountDirectory"),
];

/** A Durable Object is bound by one table and given its storage by another. */
function object(name: string, className: string): Needed[] {
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

export async function bindings({ root }: Patient): Promise<Outcome> {
  let configuration: Configuration;
  try {
    configuration = await readConfiguration(root);
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return fail(`wrangler.toml: ${message.trim()}`, "correct wrangler.toml as the message says");
  }
  const missing = NEEDED.filter(({ isDeclared }) => !isDeclared(configuration));
  if (missing.length === 0) {
    const bound = NEEDED.map(({ name }) => name).filter((name) => !name.startsWith("exports."));
    return ok(bound.join(", "));
  }
  return fail(
    `wrangler.toml lacks ${missing.map(({ name }) => name).join(", ")}`,
    `add to wrangler.toml: ${missing.map(({ lines }) => lines).join("; ")}`,
  );
}

/** Runs what `npm run check:env` runs, so that both agree on the options. */
export async function types({ root }: Patient): Promise<Outcome> {
  const script = (await readManifest(root)).scripts["check:env"] ?? "";
  const [program, ...args] = script.split(/\s+/);
  if (program !== "wrangler") {
    return fail("package.json has no script check:env that runs wrangler", "git checkout package.json");
  }
  const ran = await runWrangler(root, args);
  if (ran.ok) return ok("worker-configuration.d.ts follows wrangler.toml");
  return fail(`worker-configuration.d.ts: ${firstError(ran)}`, "npm run types");
}

export async function policy({ root }: Patient): Promise<Outcome> {
  const mend = `correct ${POLICY} there (its schema: src/policy/schema.ts)`;
  const text = await readFile(join(root, POLICY), "utf8").catch(() => null);
  if (text === null) return fail(`${POLICY} cannot be read`, `git checkout ${POLICY}`);
  const document = parsed(text);
  if (document === undefined) return fail(`${POLICY} is not JSON`, mend);
  const { compilePolicy } = await import("../../src/policy/compile.ts");
  const compiled = compilePolicy(document, 0);
  if (!compiled.ok) {
    return fail(few(compiled.faults.map(({ path, message }) => `${path || "/"} ${message}`)), mend);
  }
  return ok(`tiers: ${compiled.value.tiers.size}, routes: ${compiled.value.routes.all.length}`);
}

/** The Worker's own reader over what is known here: a deployed secret's value is not, so nothing is said of it. */
export async function variables({ root, place, secretsFile }: Patient): Promise<Outcome> {
  const configuration = await readConfiguration(root);
  const file = place === "local" ? join(root, LOCAL_SECRETS) : secretsFile;
  const secrets = (file === null ? null : await readSecrets(file)) ?? {};
  const environment = { ...variablesOf(configuration), ...secrets };
  const unknown = new Set(requiredSecrets(configuration).filter((name) => environment[name] === undefined));
  const faults = (await faultsOf(environment)).filter(({ name }) => !unknown.has(name));
  const missing = missingService(environment["UPSTREAM"], configuration);
  if (missing !== null) faults.push({ name: "UPSTREAM", message: `there is no service binding ${missing}` });
  if (faults.length === 0) return ok(Object.keys(variablesOf(configuration)).join(", "));
  return fail(
    few(faults.map(({ name, message }) => `${name}: ${message}`)),
    `set them under [vars] in wrangler.toml; secrets in ${LOCAL_SECRETS}, or by npx wrangler secret put <NAME>`,
  );
}

interface VariableFault {
  readonly name: string;
  readonly message: string;
}

/**
 * Asks src/settings.ts. Its types lead to the platform's, which scripts are not compiled against, so it is loaded by
 * address and its answer parsed.
 */
async function faultsOf(environment: Readonly<Record<string, string>>): Promise<VariableFault[]> {
  const module: unknown = await import(new URL("../../src/settings.ts", import.meta.url).href);
  const read = isFields(module) ? module["readSettings"] : undefined;
  if (typeof read !== "function") throw new Error("src/settings.ts exports no readSettings");
  const answer: unknown = read(environment);
  if (!isFields(answer) || typeof answer["ok"] !== "boolean") throw new Error("readSettings gave no answer");
  return rowsOf(answer["faults"]).map((fault) => ({
    name: (textIn(fault, "path") ?? "").slice(1),
    message: textIn(fault, "message") ?? "is not valid",
  }));
}

/** The service binding that UPSTREAM names and wrangler.toml does not declare, or null. `npm start` declares ORIGIN itself. */
function missingService(named: string | undefined, configuration: Configuration): string | null {
  const service = /^service:(.+)$/.exec(named ?? "")?.[1];
  if (service === undefined || service === "ORIGIN") return null;
  return configuration.services?.some(({ binding }) => binding === service) ? null : service;
}

/** The decision API works without an upstream, so its absence is no more than a warning. */
export async function upstream({ root, place }: Patient): Promise<Outcome> {
  if (place === "local") return skipped("npm start forwards to the demo origin");
  const configured = variablesOf(await readConfiguration(root))["UPSTREAM"];
  if (configured) return ok(configured);
  const document = parsed(await readFile(join(root, POLICY), "utf8").catch(() => ""));
  const routes = isFields(document) ? document["routes"] : undefined;
  const without = Array.isArray(routes) ? routes.filter((route) => textIn(route, "upstream") === null) : [];
  if (without.length === 0) return ok("every route names its own");
  return warn(
    `UPSTREAM is empty, and ${without.length} routes name none: the gateway will answer them 502`,
    'set UPSTREAM = "https://your-api.example" under [vars] in wrangler.toml',
  );
}

export async function localSecrets({ root }: Patient): Promise<Outcome> {
  const required = requiredSecrets(await readConfiguration(root));
  const secrets = await readSecrets(join(root, LOCAL_SECRETS));
  if (secrets === null) {
    return warn(`there is no ${LOCAL_SECRETS} yet`, "npm start (it makes one with a random ADMIN_TOKEN)");
  }
  const missing = required.filter((name) => !secrets[name]);
  if (missing.length === 0) return ok(`${LOCAL_SECRETS} has ${required.join(", ")}`);
  const lines = missing
    .map((name) => `echo "${name}=$(openssl rand -hex 32)" >> ${LOCAL_SECRETS}`)
    .join(" && ");
  return fail(`${LOCAL_SECRETS} lacks ${missing.join(", ")}`, lines);
}

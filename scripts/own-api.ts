/**
 * `npm start -- --upstream http://localhost:3000 --policy policy.json`: the product in front of somebody's own API. Reads and checks what
 * they give, before anything is built, and puts the policy into force once the product runs.
 */
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { parseArgs } from "node:util";
import defaultPolicy from "../policy/default.json" with { type: "json" };
import { canonicalJson } from "../src/canonical-json.ts";
import { compilePolicy } from "../src/policy/compile.ts";
import { effectivePolicy } from "../src/policy/effective.ts";
import { parseBy } from "../src/policy/fault.ts";
import { type PolicyDocument, policySchema } from "../src/policy/schema.ts";
import { upstreamSchema } from "../src/policy/upstream-schema.ts";
import { isThisMachine } from "./doctor/target.ts";

/** How long to wait for the upstream to accept a connection. */
const PROBE_MS = 1_000;

export interface OwnApi {
  /** Null: `.dev.vars` says, or the demo origin answers. */
  readonly upstream: string | null;
  /** Null: none was given. */
  readonly policy: { readonly file: string; readonly document: PolicyDocument } | null;
}

export const OPTIONS_HELP = `  --upstream <url>   put the product in front of this API instead of the demo (also: UPSTREAM=<url>)
  --policy <file>    put this policy into force (default with --upstream: the demo's tiers for every path)
  --help             print this help`;

/** @returns null for --help. @throws Error if an option is unknown or invalid. */
export async function readOwnApi(args: readonly string[]): Promise<OwnApi | null> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      upstream: { type: "string" },
      policy: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return null;
  const given = values.upstream ?? process.env["UPSTREAM"];
  const name = values.upstream === undefined ? "UPSTREAM" : "--upstream";
  return {
    upstream: given ? upstreamOf(given, name) : null,
    policy: values.policy === undefined ? null : await readPolicy(values.policy),
  };
}

function upstreamOf(text: string, name: string): string {
  const parsed = parseBy(upstreamSchema, text);
  const isUrl = parsed.ok && URL.canParse(text) && !text.startsWith("service:");
  if (isUrl) return text;
  throw new Error(`${name} must be an http(s) URL such as http://localhost:3000, not "${text}"`);
}

/** @throws Error that names the file, and each fault with its path. */
async function readPolicy(file: string): Promise<NonNullable<OwnApi["policy"]>> {
  const text = await readFile(file, "utf8").catch((thrown: unknown) => {
    throw new Error(`cannot read the policy ${file}: ${thrown instanceof Error ? thrown.message : thrown}`);
  });
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw new Error(`the policy ${file} is not JSON: ${thrown instanceof Error ? thrown.message : thrown}`, {
      cause: thrown,
    });
  }
  const compiled = compilePolicy(json, 1);
  const parsed = parseBy(policySchema, json);
  if (compiled.ok && parsed.ok) return { file, document: parsed.value };
  const faults = compiled.ok ? [] : compiled.faults;
  const lines = faults.map(({ path, message }) => `  ${path || "/"}: ${message}`);
  throw new Error(`the policy ${file} is invalid:\n${lines.join("\n")}`);
}

/** The demo's tiers, for every path. */
function anyPath(): PolicyDocument {
  const parsed = parseBy(policySchema, { ...defaultPolicy, routes: [{ match: "/*" }] });
  if (!parsed.ok) throw new Error("policy/default.json is invalid");
  return parsed.value;
}

/** Whether an upstream is the product itself: requests would go round in circles. */
export function isOwnAddress(upstream: string, port: number): boolean {
  const url = new URL(upstream);
  return isThisMachine(url) && Number(url.port || (url.protocol === "https:" ? 443 : 80)) === port;
}

/** Whether something accepts connections there now. */
export async function isListening(upstream: string): Promise<boolean> {
  const { hostname, port, protocol } = new URL(upstream);
  const host = hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    const socket = connect({
      host,
      port: Number(port || (protocol === "https:" ? 443 : 80)),
      timeout: PROBE_MS,
    });
    const answer = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once("connect", () => answer(true));
    socket.once("error", () => answer(false));
    socket.once("timeout", () => answer(false));
  });
}

/** What the policy in force is, and the accounts to make for it. */
export interface PolicyInForce {
  readonly revision: number;
  /** Those that an account may have: without the one of callers without a credential. */
  readonly tiers: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Puts the policy of the file into force if it means something else than the one in force; without a file, one for every path if nobody
 * has put any yet.
 * @throws Error if the product rejects it.
 */
export async function applyPolicy(url: URL, adminToken: string, own: OwnApi): Promise<PolicyInForce> {
  const current = await call(url, adminToken, "GET", "/policy");
  const revision = Number(Reflect.get(current, "revision"));
  const before = parseBy(policySchema, Reflect.get(current, "document"));
  const wanted = own.policy?.document ?? (revision === 0 && own.upstream !== null ? anyPath() : null);
  const isSame =
    wanted === null ||
    (before.ok && canonicalJson(effectivePolicy(before.value)) === canonicalJson(effectivePolicy(wanted)));
  if (isSame) return { revision, tiers: before.ok ? tiersOf(before.value) : [], warnings: [] };
  const reason = own.policy === null ? "npm start: every path" : `npm start: ${own.policy.file}`;
  const body = { document: wanted, reason, force: true };
  const put = await call(url, adminToken, "PUT", "/policy", body, { "If-Match": `"${revision}"` });
  const warnings = warningsOf(Reflect.get(put, "warnings"), wanted, revision);
  return { revision: Number(Reflect.get(put, "revision")), tiers: tiersOf(wanted), warnings };
}

/** The product's warnings about a policy as lines of text. @param replaced the revision that it replaces. */
export function warningsOf(
  found: unknown,
  { tiers }: Pick<PolicyDocument, "tiers">,
  replaced: number,
): string[] {
  return (Array.isArray(found) ? found : []).flatMap((warning: unknown) => {
    const { path, message }: { path?: unknown; message?: unknown } = { ...Object(warning) };
    // In a new state, the tiers that are missing are those of the policy that ships: nobody has used them.
    const [, tier] = /^\/tiers\/([^/]+)$/.exec(String(path)) ?? [];
    const isUnused = replaced === 0 && tier !== undefined && !Object.hasOwn(tiers, tier);
    return isUnused ? [] : [`${String(path)}: ${String(message)}`];
  });
}

function tiersOf({ tiers, anonymousTier }: PolicyDocument): string[] {
  const names = Object.keys(tiers);
  const others = names.filter((name) => name !== anonymousTier);
  return others.length > 0 ? others : names;
}

async function call(
  url: URL,
  adminToken: string,
  method: string,
  path: string,
  body?: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<object> {
  const response = await fetch(new URL(`/api/v1/admin${path}`, url), {
    method,
    headers: { Authorization: `Bearer ${adminToken}`, ...headers },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  const answer: unknown = JSON.parse(text);
  if (typeof answer === "object" && answer !== null) return answer;
  throw new Error(`${method} ${path}: unexpected answer ${text}`);
}

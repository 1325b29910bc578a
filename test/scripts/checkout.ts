/**
 * Makes a small checkout in a temporary folder that a test may break: the files that the scripts read, the installed
 * versions, and a minimal Worker that always builds. Packages are linked, not copied.
 */
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import * as z from "zod/mini";

const NODE_MODULES = join(import.meta.dirname, "..", "..", "node_modules");
const PACKAGES = ["hono", "node", "wrangler"];

const WORKER = `import { DurableObject } from "cloudflare:workers";
export class UserLimiter extends DurableObject {}
export class PolicyRegistry extends DurableObject {}
export class AccountDirectory extends DurableObject {}
export class BillingRegister extends DurableObject {}
export class WebhookDesk extends DurableObject {}
export default { fetch: () => new Response("fake") };
`;

const WRANGLER = `name = "edge-limiter"
main = "worker.ts"
compatibility_date = "2026-10-01"
send_metrics = false

[vars]
UPSTREAM = ""
LOG_LEVEL = "info"

[secrets]
required = ["ADMIN_TOKEN"]

[[kv_namespaces]]
binding = "CONFIG"

[[durable_objects.bindings]]
name = "USER_LIMITER"
class_name = "UserLimiter"

[[durable_objects.bindings]]
name = "POLICY_REGISTRY"
class_name = "PolicyRegistry"

[[durable_objects.bindings]]
name = "ACCOUNT_DIRECTORY"
class_name = "AccountDirectory"

[[durable_objects.bindings]]
name = "BILLING_REGISTER"
class_name = "BillingRegister"

[[durable_objects.bindings]]
name = "WEBHOOK_DESK"
class_name = "WebhookDesk"

[exports.UserLimiter]
type = "durable-object"
storage = "sqlite"

[exports.PolicyRegistry]
type = "durable-object"
storage = "sqlite"

[exports.AccountDirectory]
type = "durable-object"
storage = "sqlite"

[exports.BillingRegister]
type = "durable-object"
storage = "sqlite"

[exports.WebhookDesk]
type = "durable-object"
storage = "sqlite"
`;

const POLICY = {
  schema: 1,
  anonymousTier: "anonymous",
  defaultTier: "anonymous",
  tiers: {
    anonymous: { limits: [{ name: "minute", kind: "bucket", tokens: 30, per: "minute", burst: 45 }] },
  },
  routes: [
    { match: "/identify/:id", cost: 1 },
    { match: "/compare", cost: 2 },
    { match: "/members", cost: 1, auth: "required" },
    {
      match: "/api/refresh",
      limits: [{ name: "refresh", kind: "bucket", tokens: 5, per: "minute" }],
    },
  ],
};

export interface Checkout {
  readonly root: string;
  /** Replaces text in a file. @throws if the text is missing, so that no test silently changes nothing. */
  edit(file: string, from: string, to: string): Promise<void>;
  write(file: string, content: string): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface CheckoutOptions {
  /** The command of `npm run check` in the checkout. */
  readonly check?: string;
  /**
   * Install a stand-in for wrangler, which prints these replies and its version, and runs the real wrangler for other commands.
   */
  readonly wrangler?: WranglerReplies;
}

/** What a stand-in for wrangler prints, by the start of the command line. The first match replies. */
export type WranglerReplies = Readonly<Record<string, string>>;

export async function makeCheckout({
  check = "node --version",
  wrangler,
}: CheckoutOptions = {}): Promise<Checkout> {
  const root = await mkdtemp(join(tmpdir(), "edge-limiter-checkout-"));
  const checkout: Checkout = {
    root,
    async edit(file, from, to) {
      const content = await readFile(join(root, file), "utf8");
      if (!content.includes(from)) throw new Error(`${file} has no ${from}`);
      await writeFile(
        join(root, file),
        content.replace(from, () => to),
      );
    },
    async write(file, content) {
      await writeFile(join(root, file), content);
    },
    async [Symbol.asyncDispose]() {
      await rm(root, { recursive: true, force: true });
    },
  };
  await mkdir(join(root, "policy"));
  if (wrangler === undefined) await symlink(NODE_MODULES, join(root, "node_modules"));
  else await installStandIn(root, wrangler);
  const versions = await Promise.all(PACKAGES.map(async (name) => [name, await versionOf(name)] as const));
  const dependencies = Object.fromEntries(versions);
  const installed = versions.map(([name, version]) => [`node_modules/${name}`, { version }]);
  const scripts = { check, "check:env": "wrangler --version" };
  await checkout.write("package.json", json({ version: "0.1.0", type: "module", scripts, dependencies }));
  await checkout.write(
    "package-lock.json",
    json({ packages: { "": { dependencies }, ...Object.fromEntries(installed) } }),
  );
  await checkout.write("wrangler.toml", WRANGLER);
  await checkout.write("worker.ts", WORKER);
  await checkout.write("policy/default.json", json(POLICY));
  await checkout.write(".dev.vars", `ADMIN_TOKEN=${"0123456789abcdef".repeat(2)}\n`);
  return checkout;
}

/** The real packages, with a stand-in for wrangler's command. */
async function installStandIn(root: string, replies: WranglerReplies): Promise<void> {
  const packages = join(root, "node_modules");
  const bin = join(packages, "wrangler", "bin");
  await mkdir(bin, { recursive: true });
  for (const name of ["hono", "node", "workerd", join("wrangler", "package.json")]) {
    await symlink(join(NODE_MODULES, name), join(packages, name));
  }
  await writeFile(join(bin, "replies.json"), json({ ...replies, "--version": await versionOf("wrangler") }));
  const script = pathToFileURL(join(import.meta.dirname, "stand-in-wrangler.ts"));
  await writeFile(join(bin, "wrangler.js"), `import("${script.href}");\n`);
}

const packageSchema = z.object({ version: z.string() });

async function versionOf(name: string): Promise<string> {
  const content = await readFile(join(NODE_MODULES, name, "package.json"), "utf8");
  return packageSchema.parse(JSON.parse(content)).version;
}

function json(content: object): string {
  return `${JSON.stringify(content, null, 2)}\n`;
}

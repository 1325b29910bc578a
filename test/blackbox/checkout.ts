/**
 * A copy of the repository in a temporary directory, as after `git clone` and `npm ci`: no `.dev.vars` and no state. It is
 * built already unless a test asks for a clone without a build. Tests start the product there and leave the repository alone.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { parseEnv } from "node:util";
import { BUILD_DIRECTORY } from "./build.ts";

const ROOT = join(import.meta.dirname, "..", "..");
/** What a clone lacks, and what the product does not need. */
const LEFT_OUT = new Set([
  ".git",
  ".dev.vars",
  ".demo",
  ".wrangler",
  "coverage",
  "dist",
  "node_modules",
  "test",
]);

/**
 * A long deadline for the limiter. On a busy machine a call may take longer than the usual second; the fallback would then
 * rightly decide, but these tests do not measure it.
 */
export const LONG_DEADLINE = { LIMITER_TIMEOUT_MS: "30000" };
export const ADMIN_TOKEN = "black-box-admin-token";

export interface CheckoutOptions {
  /** Variables of the copy's `.dev.vars`, besides the admin token. Without them there is no such file. */
  readonly devVars?: Readonly<Record<string, string>>;
  /** Copy no build, so that the first start builds everything. */
  readonly unbuilt?: boolean;
}

export class Checkout {
  readonly directory: string;

  constructor(directory: string) {
    this.directory = directory;
  }

  get devVarsFile(): string {
    return join(this.directory, ".dev.vars");
  }

  /** The token that `.dev.vars` holds. */
  async adminToken(): Promise<string> {
    return parseEnv(await readFile(this.devVarsFile, "utf8"))["ADMIN_TOKEN"] ?? "";
  }

  async remove(): Promise<void> {
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

export async function makeCheckout({ devVars, unbuilt = false }: CheckoutOptions = {}): Promise<Checkout> {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-"));
  await cp(ROOT, directory, { recursive: true, filter: (source) => !LEFT_OUT.has(relative(ROOT, source)) });
  await symlink(join(ROOT, "node_modules"), join(directory, "node_modules"));
  // After the sources and before any change: a start rebuilds what is older than its sources.
  if (!unbuilt) await copyBuild(directory);
  const checkout = new Checkout(directory);
  if (devVars) {
    const variables = Object.entries({ ADMIN_TOKEN, ...devVars });
    const lines = variables.map(([name, value]) => `${name}=${value}\n`);
    await writeFile(checkout.devVarsFile, lines.join(""), { mode: 0o600 });
  }
  return checkout;
}

/** Copies the bundles to where `npm start` looks for them without DEMO_DIR, and the assets with the record of their sources. */
async function copyBuild(directory: string): Promise<void> {
  await cp(BUILD_DIRECTORY, join(directory, ".demo", "build"), { recursive: true });
  for (const name of ["assets", "dashboard.json", "portal.json"]) {
    await cp(join(ROOT, "dist", name), join(directory, "dist", name), { recursive: true });
  }
}

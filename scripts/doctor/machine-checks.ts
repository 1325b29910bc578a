/** Checks of this machine: Node, the installed packages, wrangler, workerd. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fail, few, ok, type CheckOutcome, type CheckContext, warn } from "./check.ts";
import { firstError, runCommand, runWrangler } from "./command.ts";
import { fieldsIn, isFields, parsed, textIn } from "./fields.ts";
import { readManifest } from "./manifest.ts";

/** npm puts node_modules/.bin first on the PATH of a script, and the pinned Node is there. */
export async function node({ root }: CheckContext): Promise<CheckOutcome> {
  const pinned = (await readManifest(root)).pinned["node"];
  const running = process.versions.node;
  if (pinned === undefined || running === pinned) return ok(`v${running}`);
  const reason = `this is v${running}, package.json pins v${pinned}`;
  const fix = "npm ci && npm rebuild node, then: npm run doctor";
  return major(running) < major(pinned) ? fail(reason, fix) : warn(reason, fix);
}

function major(version: string): number {
  return Number(version.split(".")[0]);
}

/** Compares package.json with the lock file, and the lock file with node_modules. */
export async function dependencies({ root }: CheckContext): Promise<CheckOutcome> {
  const lock = await readJson(join(root, "package-lock.json"));
  const packages = fieldsIn(lock, "packages");
  if (Object.keys(packages).length === 0) {
    return fail("package-lock.json is missing or unreadable", "git checkout package-lock.json && npm ci");
  }
  const { pinned } = await readManifest(root);
  const locked = { ...fieldsIn(packages[""], "dependencies"), ...fieldsIn(packages[""], "devDependencies") };
  const changed = [...new Set([...Object.keys(pinned), ...Object.keys(locked)])].filter(
    (name) => pinned[name] !== locked[name],
  );
  if (changed.length > 0)
    return fail(`the lock file does not match package.json: ${few(changed)}`, "npm install");

  const faults: string[] = [];
  let installed = 0;
  for (const [path, entry] of Object.entries(packages)) {
    const wanted = textIn(entry, "version");
    if (path === "" || wanted === null) continue;
    const found = textIn(await readJson(join(root, path, "package.json")), "version");
    const name = path.replace(/^.*node_modules\//, "");
    if (found === wanted) installed += 1;
    else if (found !== null) faults.push(`${name} is ${found}, the lock file says ${wanted}`);
    // npm may leave out optional packages, such as those for other platforms.
    else if (!isOptional(entry)) faults.push(`${name} is missing`);
  }
  return faults.length > 0 ? fail(few(faults), "npm ci") : ok(`${installed} packages`);
}

function isOptional(entry: unknown): boolean {
  return isFields(entry) && (entry["optional"] === true || entry["devOptional"] === true);
}

async function readJson(file: string): Promise<unknown> {
  return parsed(await readFile(file, "utf8").catch(() => ""));
}

export async function wrangler({ root }: CheckContext): Promise<CheckOutcome> {
  const pinned = (await readManifest(root)).pinned["wrangler"];
  const ran = await runWrangler(root, ["--version"]);
  const version = /\d+\.\d+\.\d+[\w.-]*/.exec(ran.stdout)?.[0];
  if (!ran.ok || version === undefined) return fail(`does not run: ${firstError(ran)}`, "npm ci");
  if (version !== pinned) return fail(`this is ${version}, package.json pins ${pinned}`, "npm ci");
  return ok(version);
}

/** An install script puts the binary in place; npm may have been configured not to run it. */
export async function workerd({ root }: CheckContext): Promise<CheckOutcome> {
  const fix = "npm rebuild workerd (Linux: requires glibc 2.35 or newer)";
  const program = await workerdProgram(root);
  if (program === null) return fail("is not installed", "npm ci");
  const ran = await runCommand(root, program, ["--version"]);
  return ran.ok ? ok(ran.stdout.trim()) : fail(`does not run: ${firstError(ran)}`, fix);
}

async function workerdProgram(root: string): Promise<string | null> {
  try {
    return textIn(createRequire(join(root, "package.json"))("workerd"), "default");
  } catch {
    return null;
  }
}

/** `.dev.vars`, the secrets for local use. Only `npm start` creates it, with a random admin token. Never overwritten. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { parseEnv } from "node:util";

/** Creates the file if it is missing. Concurrent starts agree on one token. */
export async function createDevVars(file: string): Promise<void> {
  const fresh = `# Secrets for local use; git ignores this file.\nADMIN_TOKEN=${randomBytes(32).toString("hex")}\n`;
  await writeFile(file, fresh, { flag: "wx", mode: 0o600 }).catch((thrown: unknown) => {
    if (codeOf(thrown) !== "EEXIST") throw thrown;
  });
}

/** The variables of the file; none if it is missing. */
export async function readDevVars(file: string): Promise<Record<string, string>> {
  const text = await readFile(file, "utf8").catch((thrown: unknown) => {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
    return "";
  });
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(parseEnv(text))) {
    if (value !== undefined) variables[name] = value;
  }
  return variables;
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
}

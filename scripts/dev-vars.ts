/** `.dev.vars`, the secrets for local use. Created with a random admin token if missing. Never overwritten. */
import { randomBytes } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { parseEnv } from "node:util";

/** Reads the file, creating it first if it is missing. Concurrent starts agree on one token. */
export async function readDevVars(file: string): Promise<Record<string, string>> {
  const fresh = `# Secrets for local use; git ignores this file.\nADMIN_TOKEN=${randomBytes(32).toString("hex")}\n`;
  await writeFile(file, fresh, { flag: "wx", mode: 0o600 }).catch((thrown: unknown) => {
    if (!(thrown instanceof Error && "code" in thrown && thrown.code === "EEXIST")) throw thrown;
  });
  const variables: Record<string, string> = {};
  for (const [name, value] of Object.entries(parseEnv(await readFile(file, "utf8")))) {
    if (value !== undefined) variables[name] = value;
  }
  return variables;
}

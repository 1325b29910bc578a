/**
 * wrangler.toml as wrangler itself reads it, and the secrets of a local start. Both are loaded when asked for: the doctor
 * must be able to say that packages are missing.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { Unstable_Config } from "wrangler";
import { fieldsIn, isFields, parsed, textsOf } from "./fields.ts";

export type Configuration = Unstable_Config;

/** @throws what wrangler says where the file is not valid. */
export async function readConfiguration(root: string): Promise<Configuration> {
  process.env["WRANGLER_LOG"] ??= "error";
  const { unstable_readConfig: read } = await import("wrangler");
  return read({ config: join(root, "wrangler.toml") });
}

/** Variables that wrangler.toml sets, as the Worker will see them. */
export function variablesOf(configuration: Configuration): Record<string, string> {
  return textsOf(fieldsIn(configuration, "vars"));
}

/**
 * Secrets that the deployment cannot do without: those that wrangler.toml requires, and the one that tokens are signed with
 * where the variables choose a shared secret.
 */
export function requiredSecrets(configuration: Configuration): string[] {
  const names = new Set(configuration.secrets?.required ?? []);
  if (variablesOf(configuration)["JWT_ALGORITHM"]?.startsWith("HS")) names.add("JWT_SECRET");
  return [...names];
}

/** A file of secrets, dotenv or JSON; null where there is none. The values are never printed. */
export async function readSecrets(file: string): Promise<Record<string, string> | null> {
  const content = await readFile(file, "utf8").catch(() => null);
  if (content === null) return null;
  const json = parsed(content);
  return textsOf(isFields(json) ? json : { ...parseEnv(content) });
}

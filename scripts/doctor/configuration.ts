/**
 * Reads wrangler.toml with wrangler's own parser, and files of secrets. Never imports a package at load time: the doctor
 * must be able to report that packages are missing.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseEnv } from "node:util";
import type { Unstable_Config } from "wrangler";
import { fieldsIn, isFields, parsed, textsOf } from "./fields.ts";

export type Configuration = Unstable_Config;

/** @throws wrangler's error if the file is invalid. */
export async function readConfiguration(root: string): Promise<Configuration> {
  process.env["WRANGLER_LOG"] ??= "error";
  const { unstable_readConfig: read } = await import("wrangler");
  return read({ config: join(root, "wrangler.toml") });
}

/** The variables that wrangler.toml sets. */
export function variablesOf(configuration: Configuration): Record<string, string> {
  return textsOf(fieldsIn(configuration, "vars"));
}

/**
 * Names of the secrets that the Worker requires: those listed in wrangler.toml, and JWT_SECRET if JWT_ALGORITHM is a
 * shared-secret algorithm.
 */
export function requiredSecrets(configuration: Configuration): string[] {
  const names = new Set(configuration.secrets?.required ?? []);
  if (variablesOf(configuration)["JWT_ALGORITHM"]?.startsWith("HS")) names.add("JWT_SECRET");
  return [...names];
}

/** Reads a file of secrets, dotenv or JSON; null if it cannot be read. Never print the values. */
export async function readSecrets(file: string): Promise<Record<string, string> | null> {
  const content = await readFile(file, "utf8").catch(() => null);
  if (content === null) return null;
  const json = parsed(content);
  return textsOf(isFields(json) ? json : { ...parseEnv(content) });
}

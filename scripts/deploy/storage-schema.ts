/**
 * The schema of users' storage as a tag of a version at Cloudflare, so that a gradual deployment knows whether the version before could read
 * what the new one has written. If not, going back would make objects refuse to run.
 */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { runWrangler } from "../doctor/command.ts";
import { fieldsIn, isFields, parsed, textIn } from "../doctor/fields.ts";

const SCHEMA = join("durable-objects", "user-limiter", "schema.ts");
const PREFIX = "schema-";

/** How many migrations this checkout has; null if it has no schema. */
export async function schemaOf(root: string): Promise<number | null> {
  const file = join(root, SCHEMA);
  const exists = await access(file).then(
    () => true,
    () => false,
  );
  if (!exists) return null;
  const module: unknown = await import(pathToFileURL(file).href);
  const migrations: unknown = isFields(module) ? module["MIGRATIONS"] : null;
  return Array.isArray(migrations) ? migrations.length : null;
}

/** The arguments of wrangler that tag a version. */
export async function tagArguments(root: string): Promise<string[]> {
  const schema = await schemaOf(root);
  return schema === null ? [] : ["--tag", `${PREFIX}${schema}`];
}

/** The schema that a version was tagged with; null if it was not. */
export async function schemaOfVersion(root: string, versionId: string): Promise<number | null> {
  const ran = await runWrangler(root, ["versions", "view", versionId, "--json"]);
  const tag = textIn(fieldsIn(parsed(ran.stdout), "annotations"), "workers/tag") ?? "";
  return tag.startsWith(PREFIX) ? Number(tag.slice(PREFIX.length)) : null;
}

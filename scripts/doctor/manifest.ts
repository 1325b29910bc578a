/** Reads package.json: the version, the scripts and the pinned dependencies. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fieldsIn, parsed, textIn, textsOf } from "./fields.ts";

export interface Manifest {
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
  /** The pinned version of every dependency, devDependencies included. */
  readonly pinned: Readonly<Record<string, string>>;
}

/** @throws if the folder has no package.json. */
export async function readManifest(root: string): Promise<Manifest> {
  const content = parsed(await readFile(join(root, "package.json"), "utf8"));
  return {
    version: textIn(content, "version") ?? "unknown",
    scripts: textsOf(fieldsIn(content, "scripts")),
    pinned: {
      ...textsOf(fieldsIn(content, "dependencies")),
      ...textsOf(fieldsIn(content, "devDependencies")),
    },
  };
}

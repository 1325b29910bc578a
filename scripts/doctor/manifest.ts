/** What package.json says: versions as pinned and scripts as written. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fieldsIn, parsed, textIn, textsOf } from "./fields.ts";

export interface Manifest {
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
  /** Every dependency, for running and for development, with the version it is pinned to. */
  readonly pinned: Readonly<Record<string, string>>;
}

/** @throws where the folder has no package.json. */
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

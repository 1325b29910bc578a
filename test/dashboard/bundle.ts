/** The built dashboard or portal: how large its files are, and which of them a browser loads together. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

export interface BuiltFile {
  readonly path: string;
  /** Without directory, hash and extension: Vite names a chunk after its source. */
  readonly name: string;
  /** Compressed. */
  readonly bytes: number;
  readonly text: string;
  /** Loaded together with it. */
  readonly needs: readonly string[];
  /** Paths of the chunks that it loads when they are wanted. */
  readonly later: readonly string[];
}

/** @param paths below `directory`, as the build lists them. */
export async function builtFiles(directory: string, paths: readonly string[]): Promise<readonly BuiltFile[]> {
  return Promise.all(
    paths.map(async (path) => {
      const content = await readFile(join(directory, path));
      const text = content.toString("utf8");
      return {
        path,
        name: path.replace(/^.*\//, "").replace(/(-[\w-]{8})?\.\w+$/, ""),
        bytes: gzipSync(content, { level: 9 }).length,
        text,
        needs: path.endsWith(".html")
          ? matches(text, /(?:src|href)="\/(?:dashboard|portal)\/(assets\/[^"]+)"/g)
          : matches(text, /(?:\bfrom|\bimport)\s*["'`]\.\/([^"'`]+)["'`]/g).map((name) => `assets/${name}`),
        later: matches(text, /\bimport\(["'`]\.\/([^"'`]+)["'`]\)/g).map((name) => `assets/${name}`),
      };
    }),
  );
}

function matches(text: string, pattern: RegExp): string[] {
  return [...text.matchAll(pattern)].map(([, found = ""]) => found);
}

/**
 * What a browser has loaded when it has opened the page and all chunks for which `isOpened` holds.
 * @throws if a file that would be loaded is missing from `files`.
 */
export function loadedFiles(
  files: readonly BuiltFile[],
  isOpened: (chunk: BuiltFile) => boolean,
): readonly BuiltFile[] {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const loaded = new Set<BuiltFile>();
  const find = (path: string): BuiltFile => {
    const file = byPath.get(path);
    if (!file) throw new Error(`the build has no file ${path}`);
    return file;
  };
  const load = (file: BuiltFile): void => {
    if (loaded.has(file)) return;
    loaded.add(file);
    for (const path of file.needs) load(find(path));
    for (const chunk of file.later.map(find)) if (isOpened(chunk)) load(chunk);
  };
  load(find("index.html"));
  return [...loaded];
}

/** Writes built files. Never rewrites an unchanged one, so builds may run concurrently, and a watcher of the file does not build again. */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

const TEMPORARY = join(import.meta.dirname, "..", "dist");

/** Writes `content` to `file`, unless the file has it already. */
export async function writeChanged(file: string, content: Uint8Array): Promise<void> {
  const there = await readFile(file).catch(() => null);
  if (there?.equals(content)) return;
  await mkdir(dirname(file), { recursive: true });
  await mkdir(TEMPORARY, { recursive: true });
  // A rename is atomic for concurrent readers. The temporary file is not beside the file: there it could be served or uploaded.
  const temporary = join(TEMPORARY, `${basename(file)}.${process.pid}`);
  await writeFile(temporary, content);
  await rename(temporary, file);
}

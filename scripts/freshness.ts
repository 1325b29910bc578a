/** Whether a file that was made from others may be reused. */
import { stat } from "node:fs/promises";

/** Whether the file is newer than each of its sources. False if any of them is missing. */
export async function isFresh(file: string, sources: readonly string[]): Promise<boolean> {
  try {
    const { mtimeMs: madeMs } = await stat(file);
    // ctime, not mtime: restoring a file may restore its old mtime.
    const changes = await Promise.all(sources.map(async (source) => (await stat(source)).ctimeMs));
    return changes.every((changedMs) => changedMs < madeMs);
  } catch {
    return false;
  }
}

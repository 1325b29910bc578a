/**
 * Allows one product per directory, since two would write the same counters.
 *
 * The lock is SQLite's lock on a separate file. The kernel releases it when the process ends, however it ends, so a lock
 * can never be stale.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Locks the directory for this process. @returns a function that unlocks it. @throws if another process has the lock. */
export function lockDirectory(directory: string): () => void {
  const lock = new DatabaseSync(join(directory, "lock"));
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (thrown) {
    lock.close();
    throw new Error(
      `another Edge Limiter runs in ${directory}: stop it, or use another directory and port: PORT=8788 DEMO_DIR=.demo2 npm start`,
      { cause: thrown },
    );
  }
  return () => lock.close();
}

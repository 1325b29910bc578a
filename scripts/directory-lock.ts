/**
 * One product at a time in one directory: two would both write the same counters.
 *
 * The lock is SQLite's own on a file of its own, so the kernel lets go of it when the process ends, however it ends. No stale
 * lock can be left behind.
 */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Takes the directory for this process, or throws where another process has it. @returns what gives it back. */
export function lockDirectory(directory: string): () => void {
  const lock = new DatabaseSync(join(directory, "lock"));
  try {
    lock.exec("BEGIN EXCLUSIVE");
  } catch (thrown) {
    lock.close();
    throw new Error(
      `another Edge Limiter runs in ${directory}: stop it, or give this one a directory of its own: PORT=8788 DEMO_DIR=.demo2 npm start`,
      { cause: thrown },
    );
  }
  return () => lock.close();
}

/** Memory of the workerd that this process has started. A soak test shows whether it grows. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** @returns mebibytes of all workerd processes that are children of `parent`; null if `ps` fails or shows none. */
export async function runtimeMiB(parent: number): Promise<number | null> {
  const answer = await run("ps", ["-Ao", "ppid=,rss=,comm="], { timeout: 10_000 }).catch(() => null);
  if (!answer) return null;
  const sizes = answer.stdout.split("\n").flatMap((line) => {
    const [ppid, kib, command = ""] = line.trim().split(/\s+/);
    return Number(ppid) === parent && command.includes("workerd") ? [Number(kib) / 1024] : [];
  });
  return sizes.length === 0 ? null : Math.round(sizes.reduce((sum, size) => sum + size, 0));
}

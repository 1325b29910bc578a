/** Prometheus' own tool, of Debian's package `prometheus`: checks what ours only believes to be right. */
import { spawnSync } from "node:child_process";

export const HAS_PROMTOOL = spawnSync("promtool", ["--version"]).status === 0;

/** Told once, so that a skipped check is not taken for a passed one. */
if (!HAS_PROMTOOL) process.stderr.write("promtool is not installed: checks by it are skipped\n");

/** What it finds fault with; empty where all is well. */
export function promtool(args: readonly string[], input = "", cwd = process.cwd()): string {
  const { status, stdout, stderr } = spawnSync("promtool", args, { input, cwd, encoding: "utf8" });
  return status === 0 ? "" : `exit ${status}\n${stdout}${stderr}`;
}

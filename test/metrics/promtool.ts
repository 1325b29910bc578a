/** Prometheus' own checker of rules and metrics (Debian package `prometheus`). */
import { spawnSync } from "node:child_process";

export const HAS_PROMTOOL = spawnSync("promtool", ["--version"]).status === 0;

/** Printed so that a skipped check is not mistaken for a passed one. */
if (!HAS_PROMTOOL) process.stderr.write("SKIPPED: the checks by promtool, because it is not installed\n");

/** Promtool's complaints; empty if there are none. */
export function promtool(args: readonly string[], input = "", cwd = process.cwd()): string {
  const { status, stdout, stderr } = spawnSync("promtool", args, { input, cwd, encoding: "utf8" });
  return status === 0 ? "" : `exit ${status}\n${stdout}${stderr}`;
}

/**
 * Kills workerd when the process that started it ends, even by kill -9. Otherwise workerd would outlive it and keep the port.
 *
 * A shell in a separate session waits for this process's end of a pipe to close. Only then it looks for workerd, so it finds one that
 * has just been restarted, too. Does nothing without `ps` and `awk` (Windows). Never kills the workerd of a process that still runs.
 */
import { spawn } from "node:child_process";

/**
 * `$1` is the process. Its workerd is its child or, once the process has ended, an orphan in its process group: one whose parent is not in
 * the group. The second look, a second later, finds a workerd that was only being spawned at the first.
 */
const SCRIPT = `
group=$(ps -o pgid= -p "$1")
read -r _ && exit
for seconds in 0 1; do
  sleep $seconds
  pids=$(ps -A -o pid=,ppid=,pgid=,comm= | awk -v process="$1" -v group="$group" '
    $3 == group + 0 { members[$1] = 1; if ($4 ~ /(^|\\/)workerd$/) parents[$1] = $2 }
    END { for (pid in parents) if (parents[pid] == process || !(parents[pid] in members)) print pid }')
  [ -z "$pids" ] || kill -9 $pids
done`;

export class Reaper {
  readonly #shell = spawn("sh", ["-c", SCRIPT, "reaper", String(process.pid)], {
    stdio: ["pipe", "ignore", "ignore"],
    detached: true,
  });

  constructor() {
    this.#shell.unref();
    // Without `sh`, or if the shell was killed, workerd is just not watched.
    this.#shell.on("error", () => undefined);
    this.#shell.stdin.on("error", () => undefined);
  }

  /** Ends the shell. Call it when workerd has exited. */
  dismiss(): void {
    this.#shell.stdin.end("\n");
  }
}

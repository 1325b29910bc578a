/**
 * Takes workerd down with the process that started it, also where that is killed with -9: workerd would outlive it and keep
 * the port.
 *
 * A shell in a session of its own waits for our end of a pipe to close. There is none where there is no `pgrep` (Windows).
 */
import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Remembers the process ids that were last written to it; none are left to kill once an empty line was. */
const SCRIPT = 'while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -9 $pids 2>/dev/null';

export class Reaper {
  readonly #shell = spawn("sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "ignore"], detached: true });

  constructor() {
    this.#shell.unref();
    // Where there is no `sh`, or it was killed, there is nothing to be done about it.
    this.#shell.on("error", () => undefined);
    this.#shell.stdin.on("error", () => undefined);
  }

  /** Tells it which workerd is ours now. To be called again when workerd was restarted. */
  async watch(): Promise<void> {
    const found = await run("pgrep", ["-P", String(process.pid), "workerd"]).catch(() => null);
    const pids = found?.stdout.split("\n").filter((pid) => /^\d+$/.test(pid)) ?? [];
    if (pids.length > 0) this.#shell.stdin.write(`${pids.join(" ")}\n`);
  }

  /** Sends it home: workerd has ended. */
  dismiss(): void {
    this.#shell.stdin.end("\n");
  }
}

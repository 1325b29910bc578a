/**
 * Kills workerd when the process that started it ends, even by kill -9. Otherwise workerd would outlive it and keep the port.
 *
 * A shell in a separate session waits for this process's end of a pipe to close. Does nothing without `pgrep` (Windows).
 */
import { execFile, spawn } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);
/** Kills the process ids on the last line that it read. An empty line means that there are none. */
const SCRIPT = 'while read -r line; do pids=$line; done; [ -z "$pids" ] || kill -9 $pids 2>/dev/null';

export class Reaper {
  readonly #shell = spawn("sh", ["-c", SCRIPT], { stdio: ["pipe", "ignore", "ignore"], detached: true });

  constructor() {
    this.#shell.unref();
    // Without `sh`, or if the shell was killed, workerd is just not watched.
    this.#shell.on("error", () => undefined);
    this.#shell.stdin.on("error", () => undefined);
  }

  /** Watches the current workerd. Call it again after each restart of workerd. */
  async watch(): Promise<void> {
    const found = await run("pgrep", ["-P", String(process.pid), "workerd"]).catch(() => null);
    const pids = found?.stdout.split("\n").filter((pid) => /^\d+$/.test(pid)) ?? [];
    if (pids.length > 0) this.#shell.stdin.write(`${pids.join(" ")}\n`);
  }

  /** Ends the shell. Call it when workerd has exited. */
  dismiss(): void {
    this.#shell.stdin.end("\n");
  }
}

/** Lists the processes of this machine by `ps`, without zombies, which run nothing and hold nothing. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

export interface Process {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly command: string;
}

async function allProcesses(): Promise<Process[]> {
  const { stdout } = await run("ps", ["-A", "-o", "pid=,ppid=,pgid=,stat=,args="], { maxBuffer: 2 ** 24 });
  return stdout.split("\n").flatMap((line) => {
    const [, pid, parent, group, state, command] = /^ *(\d+) +(\d+) +(\d+) +(\S+) +(.*)$/.exec(line) ?? [];
    if (state === undefined || command === undefined || state.startsWith("Z")) return [];
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), command }];
  });
}

/** The process, its descendants, and its process group. */
export async function familyOf(pid: number): Promise<Process[]> {
  const all = await allProcesses();
  const family = new Set([pid]);
  let size = 0;
  while (size < family.size) {
    size = family.size;
    for (const process of all) {
      if (process.group === pid || family.has(process.parent)) family.add(process.pid);
    }
  }
  return all.filter((process) => family.has(process.pid));
}

/** The processes that are still running. A pid that now runs another command is another process. */
export async function stillThere(processes: readonly Process[]): Promise<Process[]> {
  const all = new Map((await allProcesses()).map((process) => [process.pid, process.command]));
  return processes.filter(({ pid, command }) => all.get(pid) === command);
}

/** Their total resident memory, in bytes. */
export async function memoryOf(processes: readonly Process[]): Promise<number> {
  const pids = processes.map(({ pid }) => pid).join(",");
  const { stdout } = await run("ps", ["-o", "rss=", "-p", pids]);
  return stdout.split("\n").reduce((sum, kilobytes) => sum + Number(kilobytes) * 1_024, 0);
}

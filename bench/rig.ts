/**
 * The bench: Workers in one workerd, each on a socket of its own, so that no request goes through a proxy. State is in a temporary
 * directory that goes with it.
 */
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { withoutSignalHandlers } from "../scripts/local-product.ts";
import type { RigWorker } from "./rig-workers.ts";

export interface Rig {
  /** Where a Worker listens, without a slash at the end. */
  url(worker: string): string;
  /** Of workerd. */
  readonly pid: number;
  /** What the runtime and the Workers have printed so far, in lines. Contenders that do as they should print nothing. */
  complaints(): number;
  /** The inspector's address, or null where it was not asked for. */
  readonly inspector: URL | null;
  /** Once is enough; more does no harm. */
  close(): Promise<void>;
}

/** Of what is printed so much is shown: a Worker that fails under load prints thousands of lines a second. */
const MOST_SHOWN = 5;
const MOST_LENGTH = 300;

/** Starts and waits until it serves. */
export async function startRig(workers: readonly RigWorker[], inspect = false): Promise<Rig> {
  const state = await mkdtemp(join(tmpdir(), "edge-limiter-bench-"));
  let complaints = 0;
  const before = new Set(await childrenNamed("workerd"));
  const settings = convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    resourcePersistencePath: state,
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: ({ level, message }) => {
      complaints++;
      if (complaints <= MOST_SHOWN) console.error(`workerd ${level}: ${message.slice(0, MOST_LENGTH)}`);
    },
    ...(inspect ? { inspectorPort: 0 } : {}),
    workers: workers.map((worker) => ({
      ...worker,
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    })),
  });
  const miniflare = withoutSignalHandlers(() => new Miniflare(settings));
  let isClosed = false;
  const close = async (): Promise<void> => {
    if (isClosed) return;
    isClosed = true;
    await miniflare.dispose();
    await rm(state, { recursive: true, force: true });
  };
  try {
    await miniflare.ready;
    const urls = new Map<string, string>();
    for (const { name } of workers) urls.set(name, (await miniflare.unsafeGetDirectURL(name)).origin);
    const pid = (await childrenNamed("workerd")).find((child) => !before.has(child));
    if (pid === undefined) throw new Error("workerd is not among the children of this process");
    return {
      pid,
      inspector: inspect ? await miniflare.getInspectorURL() : null,
      close,
      complaints: () => complaints,
      url(worker) {
        const url = urls.get(worker);
        if (url === undefined) throw new Error(`no Worker named ${worker}`);
        return url;
      },
    };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Processor time of a process so far, microseconds, in user and in kernel mode. Linux counts it in hundredths of a second. */
export async function cpuMicros(pid: number): Promise<number> {
  const fields = await statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) * 10_000;
}

/** Memory of a process at the moment, MB. */
export async function residentMb(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1_024;
}

async function childrenNamed(name: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    try {
      const isNamed = (await readFile(`/proc/${pid}/comm`, "utf8")).trim() === name;
      if (isNamed && (await statOf(Number(pid)))[1] === String(process.pid)) found.push(Number(pid));
    } catch {
      // It has ended meanwhile.
    }
  }
  return found;
}

/** The fields of /proc/<pid>/stat after the name, which may hold spaces: state, parent, ... (proc(5)). */
async function statOf(pid: number): Promise<string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/**
 * Runs Workers in one workerd, each on its own socket, so that no request passes through a proxy. State is in a temporary
 * directory that is removed with the rig, in memory if the machine has such a file system: on a disk, what one contender has written
 * slows the next ones.
 */
import { constants } from "node:fs";
import { access, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { withoutSignalHandlers } from "../scripts/local-product.ts";
import type { RigWorker } from "./rig-workers.ts";

export interface Rig {
  /** URL of a Worker, without a trailing slash. */
  url(worker: string): string;
  /** Process id of workerd. */
  readonly pid: number;
  /** Number of warnings and errors that the runtime and the Workers logged. 0 if all of them work. */
  messages(): number;
  /** URL of the inspector, or null if it was not requested. */
  readonly inspector: URL | null;
  /** Kills workerd with SIGKILL and closes the rig. */
  kill(): Promise<void>;
  /** May be called more than once. */
  close(): Promise<void>;
}

export interface RigOptions {
  readonly inspect?: boolean;
  /** A directory that several rigs share: their Workers use the same KV, and reach the objects of a Worker of another rig. */
  readonly shared?: string | null;
}

/** Bounds of the printed log messages: a Worker that fails under load logs thousands a second. */
const MAX_SHOWN = 5;
const MAX_LENGTH = 300;

const IN_MEMORY = "/dev/shm";

/** Directory for the objects' storage, and whether it is in memory. The variable BENCH_STATE names another one. */
export async function stateRoot(): Promise<{ path: string; isMemory: boolean }> {
  const chosen = process.env["BENCH_STATE"];
  if (chosen !== undefined) return { path: chosen, isMemory: chosen.startsWith(IN_MEMORY) };
  const isMemory = await access(IN_MEMORY, constants.W_OK).then(
    () => true,
    () => false,
  );
  return { path: isMemory ? IN_MEMORY : tmpdir(), isMemory };
}

/** Starts the Workers and waits until they serve requests. */
export async function startRig(
  workers: readonly RigWorker[],
  { inspect = false, shared = null }: RigOptions = {},
): Promise<Rig> {
  const state = await mkdtemp(join((await stateRoot()).path, "edge-limiter-bench-"));
  let messages = 0;
  const before = new Set(await childrenNamed("workerd"));
  const converted = convertV4MiniflareOptions({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    resourcePersistencePath: state,
    log: new Log(LogLevel.ERROR),
    handleStructuredLogs: ({ level, message }) => {
      if (level !== "warn" && level !== "error") return;
      messages++;
      if (messages <= MAX_SHOWN) console.error(`workerd ${level}: ${message.slice(0, MAX_LENGTH)}`);
    },
    ...(inspect ? { inspectorPort: 0 } : {}),
    ...(shared === null ? {} : { unsafeDevRegistryPath: join(shared, "registry") }),
    workers: workers.map((worker) => ({
      ...worker,
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    })),
  });
  const settings =
    shared === null
      ? converted
      : {
          ...converted,
          unsafeEnableSharedStorage: true,
          resourcePersistencePath: join(shared, "storage"),
          isolatedResourcePersistencePath: state,
        };
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
      kill() {
        process.kill(pid, "SIGKILL");
        return close();
      },
      inspector: inspect ? await miniflare.getInspectorURL() : null,
      close,
      messages: () => messages,
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

/** CPU time of a process so far in microseconds, user and kernel mode, of all its threads that have not ended. */
export async function cpuMicros(pid: number): Promise<number> {
  let nanos = 0;
  for (const thread of await readdir(`/proc/${pid}/task`)) {
    // A thread that has ended meanwhile has no file.
    const text = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0");
    nanos += Number(text.split(" ")[0]);
  }
  return nanos / 1_000;
}

async function childrenNamed(name: string): Promise<number[]> {
  const found: number[] = [];
  for (const pid of (await readdir("/proc")).filter((entry) => /^\d+$/.test(entry))) {
    try {
      const isNamed = (await readFile(`/proc/${pid}/comm`, "utf8")).trim() === name;
      if (isNamed && (await statOf(Number(pid)))[1] === String(process.pid)) found.push(Number(pid));
    } catch {
      // The process has ended in the meantime.
    }
  }
  return found;
}

/** The fields of /proc/<pid>/stat after the name, which may contain spaces: state, parent, ... (proc(5)). */
async function statOf(pid: number): Promise<string[]> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** A client of V8's inspector protocol, for the heap size and the CPU profile of an isolate. */
import * as z from "zod/mini";
import { withDeadline } from "../src/deadline.ts";

export interface Inspector {
  /** Live JavaScript heap after a collection, MB. */
  heapMb(): Promise<number>;
  /** A CPU profile while `work` runs, sampled every 0.2 ms. */
  profile(work: () => Promise<unknown>): Promise<Profile>;
  close(): void;
}

const profileSchema = z.object({
  nodes: z.array(
    z.object({
      id: z.number(),
      callFrame: z.object({ functionName: z.string(), url: z.string() }),
      children: z.optional(z.array(z.number())),
    }),
  ),
  samples: z.array(z.number()),
  timeDeltas: z.array(z.number()),
});

/** V8's format: the stack of each sample as a node, and the time until the next sample in microseconds. */
export type Profile = z.infer<typeof profileSchema>;

const SAMPLE_MICROS = 200;
/** The inspector answers within milliseconds or, occasionally, never. */
const ANSWER_MS = 10_000;

/** Connects to the isolate of a Worker. @throws if the inspector does not list the Worker or does not answer. */
export async function inspect(address: URL, worker: string): Promise<Inspector> {
  const list: unknown = await (await fetch(new URL("/json", `http://${address.host}`))).json();
  const targets = Array.isArray(list) ? list : [];
  const target = targets.find((each) => String(each.id).includes(worker));
  if (!target) throw new Error(`the inspector does not list ${worker}: ${JSON.stringify(list)}`);
  const socket = new WebSocket(String(target.webSocketDebuggerUrl));
  const opened = new Promise((done, failed) => {
    socket.addEventListener("open", done);
    socket.addEventListener("error", failed);
  });
  await withDeadline(opened, ANSWER_MS, "the inspector");
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result }: { id?: unknown; result?: unknown } = JSON.parse(String(data));
    if (typeof id === "number") waiting.get(id)?.(result);
    if (typeof id === "number") waiting.delete(id);
  });
  let last = 0;
  const ask = (method: string, params: object = {}): Promise<unknown> => {
    const answered = new Promise((done) => {
      waiting.set(++last, done);
      socket.send(JSON.stringify({ id: last, method, params }));
    });
    return withDeadline(answered, ANSWER_MS, method);
  };
  return {
    async heapMb() {
      await ask("HeapProfiler.collectGarbage");
      const { usedSize } = z.parse(z.object({ usedSize: z.number() }), await ask("Runtime.getHeapUsage"));
      return usedSize / 2 ** 20;
    },
    async profile(work) {
      await ask("Profiler.enable");
      await ask("Profiler.setSamplingInterval", { interval: SAMPLE_MICROS });
      await ask("Profiler.start");
      await work();
      return z.parse(z.object({ profile: profileSchema }), await ask("Profiler.stop")).profile;
    },
    close: () => socket.close(),
  };
}

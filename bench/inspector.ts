/** V8's inspector protocol, as far as the benchmarks need it: the heap of an isolate, and where its time goes. */
import * as z from "zod/mini";
import { withDeadline } from "../src/deadline.ts";

export interface Inspector {
  /** Live JavaScript heap after a collection, MB. */
  heapMb(): Promise<number>;
  /** A profile of the processor's time while `work` runs, sampled every 0.2 ms. */
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

/** As V8 tells it: the stack under each sample by node, and how long until the next, microseconds. */
export type Profile = z.infer<typeof profileSchema>;

const SAMPLE_MICROS = 200;
/** It answers in milliseconds or, now and then, not at all. */
const ANSWER_MS = 10_000;

/** Connects to the isolate of a Worker. */
export async function inspect(address: URL, worker: string): Promise<Inspector> {
  const list: unknown = await (await fetch(new URL("/json", `http://${address.host}`))).json();
  const targets = Array.isArray(list) ? list : [];
  const target = targets.find((each) => String(each.id).includes(worker));
  if (!target) throw new Error(`the inspector does not know ${worker}: ${JSON.stringify(list)}`);
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

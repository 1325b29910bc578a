/**
 * A limiter on Node for comparison: rate-limiter-flexible with a Redis of its own, each a process. Only where redis-server is
 * installed.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";

export interface NodePeer {
  readonly url: string;
  /** Of Node and of Redis. */
  readonly pids: readonly number[];
  close(): Promise<void>;
}

const START_MS = 10_000;

/** Null where Redis is not installed. */
export async function startNodePeer(): Promise<NodePeer | null> {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
  } catch {
    return null;
  }
  const port = await freePort();
  const started: ChildProcess[] = [];
  // However this process ends, short of being killed.
  process.once("exit", () => started.forEach((child) => child.kill("SIGKILL")));
  const close = async (): Promise<void> => {
    for (const child of started) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const gone = once(child, "close");
      child.kill("SIGKILL");
      await gone;
    }
  };
  try {
    const redis = ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    started.push(spawn("redis-server", redis, { stdio: ["ignore", "pipe", "inherit"] }));
    await said(started[0], /Ready to accept connections/);
    const server = join(import.meta.dirname, "node-server.ts");
    started.push(spawn(process.execPath, [server, String(port)], { stdio: ["ignore", "pipe", "inherit"] }));
    const [, listening] = await said(started[1], /listening on (\d+)/);
    const pids = started.map(({ pid }) => pid ?? Number.NaN);
    return { url: `http://127.0.0.1:${listening}`, pids, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Waits for a line of its output. */
function said(child: ChildProcess | undefined, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((done, failed) => {
    let text = "";
    const timer = setTimeout(() => failed(new Error(`not in ${START_MS} ms: ${pattern}\n${text}`)), START_MS);
    child?.on("close", (code) => failed(new Error(`ended (${code}) before ${pattern}\n${text}`)));
    child?.on("error", failed);
    child?.stdout?.on("data", (more) => {
      text += String(more);
      const found = pattern.exec(text);
      if (!found) return;
      clearTimeout(timer);
      done(found);
    });
  });
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return address.port;
}

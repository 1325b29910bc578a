/**
 * Starts a limiter on Node for comparison: rate-limiter-flexible and its own Redis, one process each. Requires redis-server.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";

export interface NodePeer {
  readonly url: string;
  /** Process ids of Redis and of Node. */
  readonly pids: readonly number[];
  close(): Promise<void>;
}

const START_MS = 10_000;

/** @returns null if Redis is not installed. */
export async function startNodePeer(): Promise<NodePeer | null> {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
  } catch {
    return null;
  }
  const port = await freePort();
  const started: ChildProcess[] = [];
  // Covers every end of this process but SIGKILL.
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
    await outputOf(started[0], /Ready to accept connections/);
    const server = join(import.meta.dirname, "node-server.ts");
    started.push(spawn(process.execPath, [server, String(port)], { stdio: ["ignore", "pipe", "inherit"] }));
    const [, listening] = await outputOf(started[1], /listening on (\d+)/);
    const pids = started.map(({ pid }) => pid ?? Number.NaN);
    return { url: `http://127.0.0.1:${listening}`, pids, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}

/** Waits until the process prints a match. @throws if it exits first, or after 10 s. */
function outputOf(child: ChildProcess | undefined, pattern: RegExp): Promise<RegExpExecArray> {
  return new Promise((done, failed) => {
    let text = "";
    const timer = setTimeout(
      () => failed(new Error(`no ${pattern} within ${START_MS} ms\n${text}`)),
      START_MS,
    );
    child?.on("close", (code) => failed(new Error(`exited (${code}) before ${pattern}\n${text}`)));
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

/**
 * Starts the product as its user does, by `npm start`, in a process group of its own, and sees to it that nothing of it is left:
 * not after a failed test, and not when the test run itself is killed.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type Checkout, ADMIN_TOKEN } from "./checkout.ts";
import { request } from "./client.ts";
import { familyOf, type Process, stillThere } from "./processes.ts";

/** Building and starting takes some seconds on an idle machine. */
const START_MS = 50_000;
const STOP_MS = 10_000;
const POLL_MS = 25;

export interface StartOptions {
  /** Any free port where left out. */
  readonly port?: number | string;
  /** Relative to the checkout. */
  readonly demoDir?: string;
  /** Build anew, even where nothing has changed. */
  readonly rebuild?: boolean;
}

/** A run of `npm start`, whether or not it gets as far as serving. */
export class Run {
  readonly #npm: ChildProcess;
  readonly #leash: ChildProcess;
  #output = "";
  #exit: number | string | null = null;

  constructor(checkout: Checkout, { port = 0, demoDir = ".demo", rebuild = false }: StartOptions = {}) {
    const { PATH, HOME } = process.env;
    this.#npm = spawn("npm", ["start"], {
      cwd: checkout.directory,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH,
        HOME,
        // What is killed leaves its temporary files behind.
        TMPDIR: checkout.directory,
        PORT: String(port),
        DEMO_DIR: demoDir,
        REUSE_BUILD: rebuild ? "0" : "1",
        // Half of a start is compiling wrangler. Shared by all (vitest.config.ts): none is faster for what it has not compiled.
        NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? join(checkout.directory, ".compile-cache"),
      },
    });
    this.#npm.stdout?.on("data", (text) => (this.#output += String(text)));
    this.#npm.stderr?.on("data", (text) => (this.#output += String(text)));
    this.#npm.on("exit", (code, signal) => (this.#exit = code ?? signal));
    // Kills the group when our end of the pipe closes, as it does however we end.
    const script = `read -r _ || kill -9 -- -${this.pid} 2>/dev/null`;
    this.#leash = spawn("sh", ["-c", script], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    this.#leash.unref();
  }

  /** Of npm; also of the process group. */
  get pid(): number {
    if (this.#npm.pid === undefined) throw new Error("npm did not start");
    return this.#npm.pid;
  }

  /** What it has printed so far. */
  get output(): string {
    return this.#output;
  }

  /** The lines that Node, wrangler or workerd print when something is wrong. What npm says is of the machine's own set-up. */
  get trouble(): string[] {
    const lines = this.#output.split("\n").filter((line) => !line.startsWith("npm "));
    return lines.filter((line) => /warn|error|exception|deprecated|experimental|^\s+at /i.test(line));
  }

  /** npm's exit code, or the signal that it died of; null while it runs. */
  get exit(): number | string | null {
    return this.#exit;
  }

  processes(): Promise<Process[]> {
    return familyOf(this.pid);
  }

  /** Resolves when the pattern has been printed. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    return eventually(START_MS, `npm start printed ${pattern}`, () => {
      const found = pattern.exec(this.#output);
      if (!found && this.#exit !== null) throw new Error(`npm start ended (${this.#exit}):\n${this.#output}`);
      return found;
    });
  }

  /** Resolves with npm's exit code or signal when it has ended by itself. */
  async ended(withinMs = START_MS): Promise<number | string> {
    return eventually(withinMs, "npm start ended", () => this.#exit);
  }

  /** Sends a signal to npm and all that it started, as Ctrl-C in a terminal does, or to npm alone. */
  signal(signal: NodeJS.Signals, whom: "group" | "npm" = "group"): void {
    process.kill(whom === "group" ? -this.pid : this.pid, signal);
  }

  /** Ctrl-C, and waits until nothing is left. */
  async stop(): Promise<void> {
    const family = await this.processes();
    if (this.#exit === null) this.signal("SIGINT");
    await this.ended(STOP_MS);
    await gone(family);
    this.#leash.stdin?.end("\n");
  }

  /** `kill -9` of everything at once, and waits until nothing is left. Harmless where it has ended. */
  async kill(): Promise<void> {
    const family = await this.processes();
    if (family.some(({ group }) => group === this.pid)) this.signal("SIGKILL");
    await this.ended(STOP_MS);
    await gone(family);
    this.#leash.stdin?.end("\n");
  }
}

/** A product that serves. */
export interface Product {
  readonly run: Run;
  readonly url: URL;
}

/** Starts and waits until it says that it runs. */
export async function startProduct(checkout: Checkout, options: StartOptions = {}): Promise<Product> {
  const run = new Run(checkout, options);
  try {
    const [, port] = await run.printed(/running at http:\/\/localhost:(\d+)/);
    return { run, url: new URL(`http://127.0.0.1:${port}`) };
  } catch (thrown) {
    await run.kill();
    throw thrown;
  }
}

/** Makes an account that nobody has used yet. @returns its key. */
export async function newAccount({ url }: Product, id: string, tier: string, name = ""): Promise<string> {
  const admin = new URL("/api/v1/admin/accounts", url);
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json" };
  const post = { method: "POST", headers };
  const account = await request(admin, { ...post, body: JSON.stringify({ id, tier, name }) });
  if (account.status !== 201) throw new Error(`no account ${id}: ${account.text}`);
  const made = await request(new URL(`${admin}/${encodeURIComponent(id)}/keys`), { ...post, body: "{}" });
  const answer = made.json();
  if (typeof answer !== "object" || answer === null || !("key" in answer)) throw new Error(made.text);
  return String(answer.key);
}

/** The demo accounts' keys file. */
export function keysFile(checkout: Checkout, demoDir = ".demo"): string {
  return join(checkout.directory, demoDir, "keys.json");
}

/** A port that nobody listens on at the moment, of those that no system gives away: it may be left for a while and taken again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) return port;
  }
}

/**
 * Waits until nobody listens on the port. @throws where somebody stays. Soon, not at once, after the processes have ended: the threads
 * of one that was killed end after it has, and the last of them closes what it held.
 */
export async function freed(port: number | string): Promise<void> {
  await eventually(STOP_MS, `port ${port} is free`, async () => (await isFree(port)) || null);
}

/** Whether one can listen on that port of 127.0.0.1. */
async function isFree(port: number | string): Promise<boolean> {
  const probe = createServer();
  return new Promise((done) => {
    probe.once("error", () => done(false));
    probe.listen(Number(port), "127.0.0.1", () => probe.close(() => done(true)));
  });
}

/** Waits until none of these processes is there. @throws naming those that stay. */
export async function gone(processes: readonly Process[]): Promise<void> {
  let left: Process[] = [];
  const emptied = async (): Promise<true | null> => {
    left = await stillThere(processes);
    return left.length === 0 || null;
  };
  await eventually(STOP_MS, "the processes ended", emptied).catch((thrown: unknown) => {
    throw new Error(`still there: ${left.map(({ command }) => command.slice(0, 100)).join("; ")}`, {
      cause: thrown,
    });
  });
}

/** Asks until there is an answer. @throws where there is none in time. */
export async function eventually<T>(
  withinMs: number,
  what: string,
  look: () => T | null | Promise<T | null>,
): Promise<T> {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (Date.now() > deadlineMs) throw new Error(`not in ${withinMs} ms: ${what}`);
    await setTimeout(POLL_MS);
  }
}

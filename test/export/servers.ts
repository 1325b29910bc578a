/** Database servers for tests: real ones, as separate processes on loopback, with their data in a directory that is deleted afterwards. */
import { type ChildProcess, execFile, spawn, spawnSync } from "node:child_process";
import { chmod, chown, glob, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import postgres from "postgres";
import { eventually, freePort } from "../blackbox/product.ts";

const run = promisify(execFile);
const START_MS = 30_000;

export interface Server {
  readonly url: URL;
  /** Ends it at once, without saving anything. */
  stop(): Promise<void>;
}

export interface PostgresServer extends Server {
  /** Crashes it, and starts it with the same data. */
  restart(): Promise<void>;
}

/** The directory of PostgreSQL's programs; null if it is not installed. */
export async function findPostgres(): Promise<string | null> {
  const found: string[] = [];
  for await (const path of glob("/usr/lib/postgresql/*/bin/postgres")) found.push(path);
  return (
    found
      .toSorted()
      .at(-1)
      ?.replace(/\/postgres$/, "") ?? null
  );
}

export function hasInflux(): boolean {
  return spawnSync("influxd", ["version"]).status === 0;
}

/** A PostgreSQL with a superuser `admin` of this password, and no other database than its own. */
export async function startPostgres(programs: string, password: string): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-postgres-"));
  const data = join(directory, "data");
  const secret = join(directory, "password");
  await writeFile(secret, password);
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] : [];
  if (isRoot) {
    const [uid, gid] = ["-u", "-g"].map((of) =>
      Number(spawnSync("id", [of, "postgres"], { encoding: "utf8" }).stdout),
    );
    await chown(directory, uid ?? 0, gid ?? 0);
    await chown(secret, uid ?? 0, gid ?? 0);
    await chmod(directory, 0o700);
  }
  const command = (name: string, args: string[]): [string, string[]] => {
    const [first = "", ...rest] = [...user, join(programs, name), ...args];
    return [first, rest];
  };
  await run(
    ...command("initdb", [
      "-D",
      data,
      "-U",
      "admin",
      "-A",
      "scram-sha-256",
      `--pwfile=${secret}`,
      "-E",
      "UTF8",
      "-N",
    ]),
    {
      cwd: directory,
    },
  );
  const port = await freePort();
  const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", `port=${port}`];
  const args = ["-D", data, ...settings.flatMap((setting) => ["-c", setting])];
  const begin = (): ChildProcess => spawn(...command("postgres", args), { stdio: "ignore", cwd: directory });
  const url = new URL(`postgres://admin@127.0.0.1:${port}/postgres`);
  const answers = async (): Promise<void> => {
    await eventually(START_MS, "PostgreSQL answers", async () => {
      const sql = postgres(url.href, { password, max: 1, connect_timeout: 2, onnotice: () => undefined });
      return sql`SELECT 1`
        .then(() => true)
        .catch(() => null)
        .finally(() => sql.end({ timeout: 1 }));
    });
  };
  let child = begin();
  await answers();
  return {
    url,
    stop: () => stopped(child, directory, "SIGQUIT"),
    restart: async () => {
      // An immediate shutdown: it recovers as after a crash.
      await ended(child, "SIGQUIT");
      child = begin();
      await answers();
    },
  };
}

/** An InfluxDB 1.x without a database. */
export async function startInflux(): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-influx-"));
  const [port, backup] = [await freePort(), await freePort()];
  const paths = ["meta", "data", "wal"].map((name) => join(directory, name));
  for (const path of paths) await mkdir(path);
  const file = join(directory, "influx.conf");
  await writeFile(
    file,
    [
      "reporting-disabled = true",
      `bind-address = "127.0.0.1:${backup}"`,
      `[meta]\ndir = "${paths[0]}"`,
      `[data]\ndir = "${paths[1]}"\nwal-dir = "${paths[2]}"`,
      `[http]\nbind-address = "127.0.0.1:${port}"\nlog-enabled = false`,
      "[monitor]\nstore-enabled = false",
      "",
    ].join("\n"),
  );
  const child = spawn("influxd", ["-config", file], { stdio: "ignore", cwd: directory });
  const url = new URL(`http://127.0.0.1:${port}/`);
  await eventually(START_MS, "InfluxDB answers", async () =>
    fetch(new URL("/ping", url))
      .then(({ status }) => status === 204 || null)
      .catch(() => null),
  );
  return { url, stop: () => stopped(child, directory, "SIGKILL") };
}

/** ClickHouse's engine within a Python process, behind as much of its HTTP interface as the export uses (clickhouse.py). */
export async function startClickHouse(): Promise<Server> {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-clickhouse-"));
  const port = await freePort();
  const script = join(import.meta.dirname, "clickhouse.py");
  const child = spawn("python3", [script, String(port), join(directory, "data")], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const url = new URL(`http://127.0.0.1:${port}/`);
  await eventually(START_MS, "ClickHouse answers", async () =>
    fetch(url, { method: "POST", body: "SELECT 1" })
      .then(({ status }) => status === 200 || null)
      .catch(() => null),
  );
  return { url, stop: () => stopped(child, directory, "SIGKILL") };
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = new Promise((done) => child.once("exit", done));
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await exited;
}

async function stopped(child: ChildProcess, directory: string, signal: NodeJS.Signals): Promise<void> {
  await ended(child, signal);
  await rm(directory, { recursive: true, force: true, maxRetries: 5 });
}

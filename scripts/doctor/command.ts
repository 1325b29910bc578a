/** Runs other programs, never interactively, and keeps what they say. A failure is a value; only a bug throws. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

export interface Ran {
  /** Whether it ended by itself with code 0. */
  readonly ok: boolean;
  /** Without ANSI codes. */
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Gets both streams as they come, without ANSI codes. */
  readonly onOutput?: (text: string) => void;
  readonly timeoutMs?: number;
}

/** Wrangler asks the network in most commands; without one it must not hold the doctor up for ever. */
const COMMAND_TIMEOUT_MS = 60_000;

export function runCommand(
  root: string,
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Ran> {
  const { environment = {}, onOutput, timeoutMs = COMMAND_TIMEOUT_MS } = options;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      // CI: no prompts. The rest: what is kept is read again, whole and plain.
      env: {
        ...process.env,
        CI: "true",
        NO_COLOR: "1",
        FORCE_COLOR: "0",
        WRANGLER_LOG: "log",
        WRANGLER_HIDE_BANNER: "true",
        ...environment,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill();
    }, timeoutMs);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
      onOutput?.(stripVTControlCharacters(text));
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      onOutput?.(stripVTControlCharacters(text));
    });
    const settle = (ok: boolean, note: string): void => {
      clearTimeout(timer);
      resolve({
        ok,
        stdout: stripVTControlCharacters(stdout),
        stderr: stripVTControlCharacters(stderr) + note,
      });
    };
    child.once("error", (thrown) => settle(false, thrown.message));
    child.once("close", (code) =>
      settle(code === 0 && !isLate, isLate ? `did not end within ${timeoutMs / 1000} s` : ""),
    );
  });
}

/** The wrangler that the folder has installed. Its arguments are never secrets. */
export function runWrangler(
  root: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Ran> {
  const wrangler = join(root, "node_modules", "wrangler", "bin", "wrangler.js");
  return runCommand(root, process.execPath, [wrangler, ...args], options);
}

/** A script of package.json, through the npm that runs us where one does. */
export function runScript(root: string, name: string, options: CommandOptions = {}): Promise<Ran> {
  const npm = process.env["npm_execpath"];
  return npm?.endsWith(".js")
    ? runCommand(root, process.execPath, [npm, "run", name], options)
    : runCommand(root, "npm", ["run", name], options);
}

/** The line of a failed command that says most: its first error, else its first line. */
export function firstError({ stdout, stderr }: Ran): string {
  const lines = `${stderr}\n${stdout}`
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const error = lines.find((line) => line.includes("[ERROR]"))?.replace(/^.*\[ERROR\]\s*/, "");
  return error ?? lines[0] ?? "it said nothing";
}

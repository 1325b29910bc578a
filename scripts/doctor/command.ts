/** Runs other programs non-interactively and captures their output. Never throws: a failed command is a value. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";

export interface CommandResult {
  /** Whether it exited with code 0 before the deadline. */
  readonly ok: boolean;
  /** Without ANSI codes. */
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly environment?: Readonly<Record<string, string>>;
  /** Receives both streams as they arrive, without ANSI codes. */
  readonly onOutput?: (text: string) => void;
  readonly timeoutMs?: number;
}

/** Most wrangler commands use the network; without one they must not block the doctor. */
const COMMAND_TIMEOUT_MS = 60_000;

export function runCommand(
  root: string,
  program: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { environment = {}, onOutput, timeoutMs = COMMAND_TIMEOUT_MS } = options;
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd: root,
      // CI turns prompts off; the others keep the output plain and complete, since it is parsed.
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
      settle(code === 0 && !isLate, isLate ? `did not finish within ${timeoutMs / 1000} s` : ""),
    );
  });
}

/** Runs the wrangler installed in `root`. Never pass a secret as an argument: other processes can read it. */
export function runWrangler(
  root: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const wrangler = join(root, "node_modules", "wrangler", "bin", "wrangler.js");
  return runCommand(root, process.execPath, [wrangler, ...args], options);
}

/** Runs a script of package.json, with the npm that started this process if there is one. */
export function runScript(root: string, name: string, options: CommandOptions = {}): Promise<CommandResult> {
  const npm = process.env["npm_execpath"];
  return npm?.endsWith(".js")
    ? runCommand(root, process.execPath, [npm, "run", name], options)
    : runCommand(root, "npm", ["run", name], options);
}

/** The most useful line of a failed command: its first error, else its first line. */
export function firstError({ stdout, stderr }: CommandResult): string {
  const lines = `${stderr}\n${stdout}`
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
  const error = lines.find((line) => line.includes("[ERROR]"))?.replace(/^.*\[ERROR\]\s*/, "");
  return error ?? lines[0] ?? "no output";
}

/** The console sessions of a page: runs their commands in bash, so that a test can compare what they print with what the page says. */
import { spawn } from "node:child_process";
import { once } from "node:events";

export interface Step {
  readonly command: string;
  /** What the page says that it prints. */
  readonly printed: string;
}

/** The commands of a text's blocks marked `console`, and what they print, in order. */
export function stepsOf(text: string): Step[] {
  const blocks = [...text.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = "", ...printed] = step.split("\n");
        return { command, printed: printed.join("\n") };
      }),
  );
}

/**
 * Runs commands in one bash, one after the other.
 * @returns what each has printed, to either output.
 */
export async function runCommands(
  commands: readonly string[],
  directory: string,
  variables: Readonly<Record<string, string>> = {},
): Promise<string[]> {
  const bash = spawn("bash", ["--norc"], {
    cwd: directory,
    env: { PATH: process.env["PATH"], ...variables },
    stdio: ["pipe", "pipe", "pipe"],
  });
  let output = "";
  bash.stdout.on("data", (text) => (output += String(text)));
  bash.stderr.on("data", (text) => (output += String(text)));
  bash.stdin.end([...commands.map((command) => `${command}\necho "--- $?"`), "exit"].join("\n"));
  await once(bash, "close");
  return output.split(/^--- \d+\n/m).slice(0, commands.length);
}

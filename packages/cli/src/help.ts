/** The texts of --help, made from the table of commands. */
import type { Command, Option } from "./command.ts";

const ENVIRONMENT = `Environment:
  EDGE_LIMITER_URL     the deployment, such as https://limits.example.com
  EDGE_LIMITER_TOKEN   an admin token; it is read from here alone`;

const CODES = "Exit codes: 0 done or no difference, 1 an error, 2 a difference.";

export function programHelp(commands: readonly Command[]): string {
  return `edge-limiter <command> [options]

${list(commands)}

edge-limiter <command> --help says more.

${ENVIRONMENT}

${CODES}`;
}

export function groupHelp(commands: readonly Command[]): string {
  return `${list(commands)}\n\n${ENVIRONMENT}`;
}

export function help({ name, arguments: names = [], options, summary, details }: Command): string {
  const rows = Object.entries(options).map(([option, described]) => optionRow(option, described));
  rows.push(["--json", "print JSON"], ["-h, --help", "print this help"]);
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, right]) => `  ${left.padEnd(width)}   ${right}`);
  const usage = ["edge-limiter", name, ...names.map((each) => `<${each}>`), "[options]"].join(" ");
  return [usage, "", `${summary}.`, ...(details ? ["", details] : []), "", ...lines, "", ENVIRONMENT].join(
    "\n",
  );
}

function optionRow(name: string, { short, value, help: text }: Option): [string, string] {
  const left = `${short ? `-${short}, ` : ""}--${name}${value ? ` ${value}` : ""}`;
  return [left, text];
}

function list(commands: readonly Command[]): string {
  const rows = commands.map(({ name, arguments: names = [], summary }) => [
    [name, ...names.map((each) => `<${each}>`)].join(" "),
    summary,
  ]);
  const width = Math.max(...rows.map(([left = ""]) => left.length));
  return rows.map(([left = "", right = ""]) => `  ${left.padEnd(width)}   ${right}`).join("\n");
}

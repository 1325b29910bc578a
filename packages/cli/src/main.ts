/** The program `edge-limiter`: finds the command, reads its options, runs it, and says what went wrong. */
import { parseArgs } from "node:util";
import { COMMANDS } from "./commands.ts";
import { type Command, JSON_OPTION, Options } from "./command.ts";
import { deploymentOf } from "./deployment.ts";
import { Failure, FAILED, OK, UsageFailure } from "./failure.ts";
import { groupHelp, help, programHelp } from "./help.ts";
import { terminalOutput } from "./terminal-output.ts";

const OWN_OPTIONS = {
  json: JSON_OPTION,
  help: { type: "boolean", short: "h", value: "", help: "print this help" },
} as const;

async function run(args: readonly string[]): Promise<number> {
  const wantsHelp = args.includes("--help") || args.includes("-h");
  const [group = "", verb = ""] = args;
  const command = COMMANDS.find(({ name }) => name === `${group} ${verb}` || name === group);
  if (!command) {
    const ofGroup = COMMANDS.filter(({ name }) => name.startsWith(`${group} `));
    const text = ofGroup.length > 0 ? groupHelp(ofGroup) : programHelp(COMMANDS);
    if (wantsHelp || group === "" || (ofGroup.length > 0 && verb === "")) {
      console.log(text);
      return wantsHelp || group === "" ? OK : FAILED;
    }
    const name = ofGroup.length > 0 ? `${group} ${verb}` : group;
    throw new UsageFailure(`there is no command "${name}"\n\n${text}`);
  }
  if (wantsHelp) {
    console.log(help(command));
    return OK;
  }
  const { values, positionals } = read(command, args.slice(command.name.split(" ").length));
  const names = command.arguments ?? [];
  if (positionals.length !== names.length) {
    const wanted = names.map((name) => `<${name}>`).join(" ") || "no arguments";
    throw new UsageFailure(`${command.name} takes ${wanted}\n\n${help(command)}`);
  }
  return command.run({
    arguments: Object.fromEntries(names.map((name, i) => [name, positionals[i] ?? ""])),
    options: new Options(values),
    deployment: () => deploymentOf(process.env),
    out: terminalOutput(values["json"] === true),
  });
}

interface Read {
  readonly values: Readonly<Record<string, unknown>>;
  readonly positionals: readonly string[];
}

function read(command: Command, args: readonly string[]): Read {
  const options = Object.entries({ ...command.options, ...OWN_OPTIONS }).map(
    ([name, { type, ...option }]) => [
      name,
      "short" in option && option.short !== undefined ? { type, short: option.short } : { type },
    ],
  );
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries(options), allowPositionals: true });
  } catch (thrown) {
    // Node's text names the option, never its value. Its hint about arguments that begin with a dash is for programs that take any.
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    throw new UsageFailure(
      `${text.replace(/\. To specify a positional argument.*$/s, "")}\n\n${help(command)}`,
    );
  }
}

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (thrown) {
  if (!(thrown instanceof Failure)) throw thrown;
  console.error(`edge-limiter: ${thrown.message}`);
  process.exitCode = FAILED;
}

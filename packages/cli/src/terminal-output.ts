/** Prints results to the standard output, and everything else to the standard error, so that results can be piped. */
import type { Output } from "./command.ts";

/** Where the standard error is no terminal, such as in CI: so often. */
const PROGRESS_MS = 5_000;

export function terminalOutput(isJson: boolean): Output {
  const { stderr } = process;
  let printedMs = -Infinity;
  let hasLine = false;
  const endLine = (): void => {
    if (hasLine) stderr.write("\n");
    hasLine = false;
  };
  return {
    isJson,
    result(value, lines) {
      endLine();
      if (isJson) console.log(JSON.stringify(value, null, 2));
      else for (const line of lines()) console.log(line);
    },
    note(text) {
      endLine();
      console.error(text);
    },
    progress(text) {
      if (stderr.isTTY) {
        stderr.write(`\r\u001b[K${text}`);
        hasLine = true;
      } else if (Date.now() - printedMs >= PROGRESS_MS) {
        printedMs = Date.now();
        stderr.write(`${text}\n`);
      }
    },
  };
}

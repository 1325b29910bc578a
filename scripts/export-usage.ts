/**
 * `npm run export:usage`: exports the usage of all accounts to a database (docs/export.md).
 *
 * Safe to run at any time, to interrupt and to repeat. Progress goes to the standard error, the result to the standard output.
 */
import { exportUsage, type Summary } from "./export-usage/run.ts";
import { UsageFault } from "./export-usage/failure.ts";
import { HELP, type Options, readOptions } from "./export-usage/options.ts";
import { decimalOf } from "./export-usage/rows.ts";
import { UsageSource } from "./export-usage/source.ts";
import { adminTokenOf } from "./rebuild.ts";

const INTERRUPTED = 130;

process.exitCode = await main();

/** @returns the exit code. */
async function main(): Promise<number> {
  let options: Options | null;
  try {
    options = readOptions(process.argv.slice(2), process.env);
  } catch (thrown) {
    // A TypeError: PORT names no port.
    if (!(thrown instanceof UsageFault) && !(thrown instanceof TypeError)) throw thrown;
    console.error(`${thrown.message}\nRun npm run export:usage -- --help for the options.`);
    return 2;
  }
  if (options === null) {
    console.log(HELP);
    return 0;
  }
  const stop = new AbortController();
  const interrupt = (): void => {
    // The second time, the process ends at once.
    process.removeListener("SIGINT", interrupt).removeListener("SIGTERM", interrupt);
    stop.abort();
  };
  process.on("SIGINT", interrupt).on("SIGTERM", interrupt);
  const { destination } = options;
  try {
    const summary = await run(options, stop.signal);
    console.log(resultOf(summary, options));
    return 0;
  } catch (thrown) {
    if (stop.signal.aborted) {
      console.error(`interrupted: the progress is in ${destination.progressAt}; run this again to resume`);
      return INTERRUPTED;
    }
    console.error(`not all was exported: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    return 1;
  } finally {
    process.removeListener("SIGINT", interrupt).removeListener("SIGTERM", interrupt);
    await destination.close();
  }
}

async function run(options: Options, signal: AbortSignal): Promise<Summary> {
  const { product, destination, start, jobName, isRestart, isDryRun, pageCells } = options;
  const source = new UsageSource(product, await adminTokenOf(product), pageCells);
  return exportUsage({
    page: (from, ended) => source.page(from, ended),
    destination,
    job: { name: jobName, product: product.origin, isRestart },
    start,
    isDryRun,
    note: (line) => console.error(line),
    signal,
  });
}

function resultOf(
  { cells, accounts, requests, costMilli, denied, until }: Summary,
  { destination, isDryRun }: Options,
) {
  const counts = `${counted(cells, "cell")} of ${counted(accounts, "account")}: ${counted(requests, "request")}, cost ${decimalOf(costMilli)}, ${denied} denied`;
  const done = isDryRun ? `would be exported to ${destination.name}` : `exported to ${destination.name}`;
  return `${counts}; ${done}, which then has all usage before ${until}`;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

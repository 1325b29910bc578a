/**
 * Runs in wrangler's place in a test's checkout (`wrangler` of makeCheckout). Prints the reply to a command that the test does not
 * examine, or asks a server for it if the reply is its URL, since the real wrangler takes more than a second of CPU time to start, and runs the real one for every other command.
 *
 * Never the only evidence that wrangler's output is understood: for each command, some test runs the real one.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const REAL = join(import.meta.dirname, "..", "..", "node_modules", "wrangler", "bin", "wrangler.js");

const [node = "", script = "", ...args] = process.argv;
const replies: unknown = JSON.parse(readFileSync(join(dirname(script), "replies.json"), "utf8"));
const reply = Object.entries(Object(replies)).find(([start]) => args.join(" ").startsWith(start));
if (reply && String(reply[1]).startsWith("http:")) await ask(new URL(String(reply[1])));
else if (reply) process.stdout.write(String(reply[1]));
else process.exitCode = spawnSync(node, [REAL, ...args], { stdio: "inherit" }).status ?? 1;

/** Prints what the server answers, writes its events where wrangler would, and exits with its code. */
async function ask(url: URL): Promise<void> {
  url.searchParams.set("args", args.join(" "));
  const answer: unknown = await (await fetch(url)).json();
  const { stdout = "", code = 0, events = [] } = Object(answer);
  process.stdout.write(String(stdout));
  const file = process.env["WRANGLER_OUTPUT_FILE_PATH"];
  for (const event of Array.from(Object(events)))
    if (file) appendFileSync(file, `${JSON.stringify(event)}\n`);
  process.exitCode = Number(code);
}

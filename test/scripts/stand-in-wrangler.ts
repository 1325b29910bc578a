/**
 * Runs in wrangler's place in a test's checkout (`wrangler` of makeCheckout). Prints the reply to a command that the test does not
 * examine, since the real wrangler takes more than a second of CPU time to start, and runs the real one for every other command.
 *
 * Never the only evidence that wrangler's output is understood: for each command, some test runs the real one.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const REAL = join(import.meta.dirname, "..", "..", "node_modules", "wrangler", "bin", "wrangler.js");

const [node = "", script = "", ...args] = process.argv;
const replies: unknown = JSON.parse(readFileSync(join(dirname(script), "replies.json"), "utf8"));
const reply = Object.entries(Object(replies)).find(([start]) => args.join(" ").startsWith(start));
if (reply) process.stdout.write(String(reply[1]));
else process.exitCode = spawnSync(node, [REAL, ...args], { stdio: "inherit" }).status ?? 1;

/** However the product is stopped, nothing of it remains: no process, and no listener on its port. */
import { setTimeout } from "node:timers/promises";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { hammer, request } from "./client.ts";
import { type Checkout, makeCheckout, LONG_DEADLINE } from "./checkout.ts";
import { eventually, freed, gone, Run, startProduct } from "./product.ts";

let checkout: Checkout;
const runs: Run[] = [];

beforeAll(async () => {
  checkout = await makeCheckout({ devVars: LONG_DEADLINE });
});

afterAll(async () => {
  for (const run of runs) await run.kill();
  await checkout?.remove();
});

async function start() {
  const product = await startProduct(checkout);
  runs.push(product.run);
  return product;
}

/** The id of the run's only process with this command. */
async function pidOf(run: Run, command: RegExp): Promise<number> {
  const found = (await run.processes()).filter((one) => command.test(one.command));
  expect(found).toHaveLength(1);
  return found[0]?.pid ?? 0;
}
const START_SCRIPT = /^\S*node scripts\/start\.ts/;
const WORKERD = /workerd serve /;

it("Ctrl-C under load stops all processes, and prints nothing", async () => {
  const { run, url } = await start();
  const family = await run.processes();
  expect(family.some(({ command }) => WORKERD.test(command))).toBe(true);
  const printed = run.output;
  let answered = 0;
  const load = hammer(
    16,
    () => run.exit !== null,
    async () => {
      await request(new URL("/identify", url));
      answered += 1;
    },
  );
  await eventually(20_000, "requests are answered", () => answered > 50 || null);
  run.signal("SIGINT");
  await run.ended();
  await load;
  await gone(family);
  await freed(url.port);
  expect(run.output).toBe(printed);
});

it("SIGTERM to npm alone stops all processes", async () => {
  const { run, url } = await start();
  const family = await run.processes();
  run.signal("SIGTERM", "npm");
  await gone(family);
  await freed(url.port);
});

it("SIGINT to npm alone stops all processes", async ({ skip }) => {
  // npm passes it to the shell that runs the script. That ends only when the script does, unless `exec` replaces it.
  const manifest = await readFile(join(checkout.directory, "package.json"), "utf8");
  skip(!manifest.includes('"start": "exec '), "the start script is not the shell's own process");
  const { run, url } = await start();
  const family = await run.processes();
  run.signal("SIGINT", "npm");
  await gone(family);
  await freed(url.port);
});

it("kill -9 of the script alone also ends workerd", async () => {
  const { run, url } = await start();
  const family = await run.processes();
  process.kill(await pidOf(run, START_SCRIPT), "SIGKILL");
  await gone(family);
  await freed(url.port);
});

it("Ctrl-C during the build leaves nothing running", async () => {
  const run = new Run(checkout, { rebuild: true });
  runs.push(run);
  await run.printed(/Building/);
  await setTimeout(200);
  const family = await run.processes();
  run.signal("SIGINT");
  await run.ended();
  await gone(family);
});

it("a crashed workerd is restarted, and the new one ends with the product", async () => {
  const { run, url } = await start();
  const crashed = await pidOf(run, WORKERD);
  process.kill(crashed, "SIGKILL");
  await eventually(20_000, "it answers again", () =>
    request(new URL("/ready", url)).then(
      ({ status }) => status === 200 || null,
      () => null,
    ),
  );
  const family = await run.processes();
  expect(await pidOf(run, WORKERD)).not.toBe(crashed);
  process.kill(await pidOf(run, START_SCRIPT), "SIGKILL");
  await gone(family);
  await freed(url.port);
});

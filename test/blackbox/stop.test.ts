/** However the product is stopped, nothing of it remains: no process, and no listener on its port. */
import { once } from "node:events";
import { connect } from "node:net";
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

/** Kills workerd, and waits until it has ended. @returns its id. */
async function crash(run: Run): Promise<number> {
  const pid = await pidOf(run, WORKERD);
  const ended = (await run.processes()).filter((one) => one.pid === pid);
  process.kill(pid, "SIGKILL");
  await gone(ended);
  return pid;
}

/** Whether something listens at the URL's port. */
async function accepts({ port }: URL): Promise<boolean> {
  const socket = connect(Number(port), "127.0.0.1");
  const connected = await once(socket, "connect").then(
    () => true,
    () => false,
  );
  socket.destroy();
  return connected;
}

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

it("a crashed workerd is restarted, and the new one ends with the product, even if that is killed at once", async () => {
  const { run, url } = await start();
  const first = await crash(run);
  await eventually(20_000, "it answers again", () =>
    request(new URL("/ready", url)).then(
      ({ status }) => status === 200 || null,
      () => null,
    ),
  );
  const second = await crash(run);
  const script = await pidOf(run, START_SCRIPT);
  const endMs = Date.now() + 20_000;
  // Without a pause, so that the script has not heard of the new workerd when it stops.
  while (!(await accepts(url)) && Date.now() < endMs);
  process.kill(script, "SIGSTOP");
  const family = await run.processes();
  expect([first, second]).not.toContain(await pidOf(run, WORKERD));
  process.kill(script, "SIGKILL");
  await gone(family);
  await freed(url.port);
});

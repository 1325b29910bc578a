/**
 * The packed client package, installed in an empty project: README's and the package's examples compile with `tsc --init`'s settings and run
 * against the started product, and the libraries that people have limit exactly across processes.
 */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { type Checkout, LONG_DEADLINE, makeCheckout } from "../blackbox/checkout.ts";
import { request } from "../blackbox/client.ts";
import { keysFile, type Product, publishPolicy, startProduct } from "../blackbox/product.ts";
import { examplesOf } from "./examples.ts";
import { makeProject, type Project, ROOT } from "./project.ts";

const run = promisify(execFile);
const PROGRAMS = join(ROOT, "test", "packages", "programs");
/** Of the quota that the programs share. */
const AMOUNT = 100;

let checkout: Checkout;
let product: Product;
let project: Project;
let key: string;

beforeAll(async () => {
  [checkout, project] = await Promise.all([makeCheckout({ devVars: LONG_DEADLINE }), makeProject()]);
  product = await startProduct(checkout);
  key = JSON.parse(await readFile(keysFile(checkout), "utf8")).partner;
  const tiers = { free: { limits: [{ name: "month", kind: "quota", amount: AMOUNT, per: "month" }] } };
  const shipped = JSON.parse(await readFile(join(ROOT, "policy", "default.json"), "utf8"));
  await publishPolicy(product, { tiers: { ...shipped.tiers, ...tiers } });
});

afterAll(async () => {
  await product?.run.stop();
  await checkout?.remove();
  await project?.remove();
});

/** Runs a program in the project. */
async function runScript(text: string): Promise<{ stdout: string }> {
  await project.write("script.mjs", text);
  return run(process.execPath, [project.file("script.mjs")]);
}

it("examples and programs compile in an empty project with the compiler's default settings", async () => {
  for (const { name, text } of await examplesOf("README.md")) await project.write(`readme/${name}`, text);
  for (const { name, text } of await examplesOf("packages/client/README.md")) {
    await project.write(`package/${name}`, text);
  }
  for (const file of await readdir(PROGRAMS))
    await project.copy(`test/packages/programs/${file}`, `programs/${file}`);
  await project.copy("examples/express/server.ts", "examples/express.ts");
  await project.copy("examples/worker/src/index.ts", "examples/worker.ts");
  expect(await project.typeFaults()).toBe("");
});

describe.each(["express.ts", "hono.ts", "upstash.ts"])("%s", (program) => {
  it("limits exactly across two processes", async () => {
    await project.copy(`test/packages/programs/${program}`, `programs/${program}`);
    const user = `user-${program}`;
    const one = run(process.execPath, [
      project.file(`programs/${program}`),
      product.url.href,
      key,
      user,
      "80",
    ]);
    const other = run(process.execPath, [
      project.file(`programs/${program}`),
      product.url.href,
      key,
      user,
      "80",
    ]);
    const counts = (await Promise.all([one, other])).map(({ stdout }) =>
      stdout.trim().split(" ").map(Number),
    );
    const [admitted, denied] = [0, 1].map((i) => counts.reduce((sum, count) => sum + (count[i] ?? 0), 0));
    expect([admitted, denied]).toEqual([AMOUNT, 160 - AMOUNT]);
  });
});

it("a call whose connection dies after the limiter has answered is charged once", async () => {
  let calls = 0;
  const proxy = createServer(async (incoming, outgoing) => {
    let body = "";
    for await (const chunk of incoming) body += String(chunk);
    const headers = { Authorization: incoming.headers.authorization ?? "" };
    const answer = await request(new URL(incoming.url ?? "", product.url), {
      method: "POST",
      headers,
      body,
    });
    // The first answer is lost on its way.
    if (++calls === 1) outgoing.destroy();
    else outgoing.end(answer.text);
  });
  await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
  onTestFinished(() => void proxy.close());
  const address = proxy.address();
  const port = typeof address === "object" ? address?.port : 0;
  const { stdout } = await runScript(`
    import { EdgeLimiter } from "@edge-limiter/client";
    const limiter = new EdgeLimiter({ url: "http://127.0.0.1:${port}", key: ${JSON.stringify(key)}, timeoutMs: 30000 });
    const decision = await limiter.check({ user: "hopper", cost: 7 });
    console.log(JSON.stringify([decision.allowed, decision.replayed, decision.limits[0].remaining]));
  `);
  expect(JSON.parse(stdout)).toEqual([true, true, AMOUNT - 7]);
  expect(calls).toBe(2);
});

it("a reservation is settled at its cost, once, and what it did not use is given back", async () => {
  const { stdout } = await runScript(`
    import { EdgeLimiter } from "@edge-limiter/client";
    const limiter = new EdgeLimiter({ url: ${JSON.stringify(product.url.href)}, key: ${JSON.stringify(key)}, timeoutMs: 30000 });
    const user = "lovelace";
    const left = async () => (await limiter.status(user)).limits[0].remaining;
    const { reservation } = await limiter.reserve({ user, cost: 60, ttlMs: 60000 });
    const results = [await left()];
    results.push((await limiter.check({ user, cost: 60 })).allowed);
    const extended = await limiter.settle({ user, reservation: reservation.id, extendMs: 120000 });
    results.push(extended.settled, extended.expiresAt > reservation.expiresAt);
    const settled = [5, 7].map((cost) => ({ user, reservation: reservation.id, cost }));
    results.push((await limiter.settle(settled[0])).cost, (await limiter.settle(settled[1])).cost, await left());
    results.push(await limiter.settle({ user, reservation: "unknown", cost: 1 }).catch(({ code }) => code));
    results.push(await limiter.settle({ user, reservation: "unknown" }).catch(({ errors }) => errors[0].path));
    console.log(JSON.stringify(results));
  `);
  const expected = [AMOUNT - 60, false, false, true, 5, 5, AMOUNT - 5, "reservation_gone", "/cost"];
  expect(JSON.parse(stdout)).toEqual(expected);
});

it("express-rate-limit gives hits back that fail, if it skips failed requests", async () => {
  const { stdout } = await runScript(`
    import { EdgeLimiter } from "@edge-limiter/client";
    import { EdgeLimiterStore } from "@edge-limiter/client/express";
    import express from "express";
    import { rateLimit } from "express-rate-limit";
    const limiter = new EdgeLimiter({ url: ${JSON.stringify(product.url.href)}, key: ${JSON.stringify(key)}, timeoutMs: 30000 });
    const app = express();
    const store = new EdgeLimiterStore(limiter);
    app.use(rateLimit({ limit: 100, skipFailedRequests: true, keyGenerator: () => "hamilton", store }));
    app.get("/:status", (request, response) => void response.sendStatus(Number(request.params.status)));
    const server = app.listen(0, "127.0.0.1", async () => {
      for (const status of [200, 500, 404, 200, 500, 200]) {
        await (await fetch("http://127.0.0.1:" + server.address().port + "/" + status)).text();
      }
      const left = async () => (await limiter.status("hamilton")).limits[0].remaining;
      for (let n = 0; n < 100 && (await left()) < ${AMOUNT - 3}; n++) await new Promise((done) => setTimeout(done, 50));
      console.log(await left());
      process.exit();
    });
  `);
  expect(Number(stdout)).toBe(AMOUNT - 3);
});

it("status and usage of a user are available to the client, and count what it charged", async () => {
  const { stdout } = await runScript(`
    import { EdgeLimiter } from "@edge-limiter/client";
    const limiter = new EdgeLimiter({ url: ${JSON.stringify(product.url.href)}, key: ${JSON.stringify(key)}, timeoutMs: 30000 });
    const items = await limiter.checkMany([{ user: "grace", cost: 3 }, { user: "a b" }, { user: "grace", cost: 2 }]);
    const { limits, usage } = await limiter.status("grace");
    console.log(JSON.stringify([items.map((item) => item.error?.code ?? item.allowed), limits[0].remaining, usage.month.cost]));
  `);
  expect(JSON.parse(stdout)).toEqual([[true, "invalid_request", true], AMOUNT - 5, 5]);
});

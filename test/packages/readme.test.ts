/** README's "Use it" as it prints it, with the key and the ports of this machine: against the started product, and in a second Worker. */
import { execFile, spawn, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from "miniflare";
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest";
import { ENTRY, modulesOf } from "../../scripts/bundle.ts";
import { withoutSignalHandlers } from "../../scripts/local-product.ts";
import { workerOptions } from "../../scripts/worker-options.ts";
import { BUILD_DIRECTORY } from "../blackbox/build.ts";
import { runCommands, stepsOf } from "../blackbox/console-session.ts";
import { type Checkout, LONG_DEADLINE, makeCheckout } from "../blackbox/checkout.ts";
import { eventually, freePort, keysFile, type Product, startProduct } from "../blackbox/product.ts";
import { examplesOf } from "./examples.ts";
import { makeProject, type Project, ROOT } from "./project.ts";

const run = promisify(execFile);

let checkout: Checkout;
let product: Product;
let project: Project;
let service: string;

beforeAll(async () => {
  [checkout, project] = await Promise.all([makeCheckout({ devVars: LONG_DEADLINE }), makeProject()]);
  product = await startProduct(checkout);
  const examples = (await examplesOf("README.md")).map(({ text }) => text);
  service = examples.find((text) => text.includes("express")) ?? "";
});

afterAll(async () => {
  await product?.run.stop();
  await checkout?.remove();
  await project?.remove();
});

/** The example with what a reader replaces. */
async function filledIn(text: string, port: number): Promise<string> {
  const { partner } = JSON.parse(await readFile(keysFile(checkout), "utf8"));
  const filled = text
    .replaceAll("http://localhost:8787", product.url.origin)
    .replaceAll("el_live_…", partner)
    .replaceAll("listen(3000)", `listen(${port})`);
  expect(filled).not.toBe(text);
  return filled;
}

it("an Express service asks for decisions and is limited", async () => {
  const port = await freePort();
  await project.write("service.ts", await filledIn(service, port));
  const server = spawn(process.execPath, [project.file("service.ts")], { stdio: "inherit" });
  onTestFinished(() => void server.kill("SIGKILL"));
  const ask = () => fetch(`http://127.0.0.1:${port}/report`).catch(() => null);
  const response = await eventually(20_000, "the service answers", ask);
  expect(await response.json()).toEqual({ allowed: true, retryAfterMs: 0 });
  const startMs = Date.now();
  const statuses: (number | undefined)[] = [];
  for (let wave = 0; wave < 15; wave++) {
    statuses.push(...(await Promise.all(Array.from({ length: 20 }, async () => (await ask())?.status))));
  }
  const admitted = statuses.filter((status) => status === 200).length;
  expect(statuses.filter((status) => status === 429)).toHaveLength(300 - admitted);
  expectBurst(admitted + 1, startMs);
  expect(admitted).toBeLessThan(300);
});

const hasJq = spawnSync("jq", ["--version"]).status === 0;
if (!hasJq)
  process.stderr.write(
    "SKIPPED: the README's session in the console, because jq is not installed: apt-get install jq\n",
  );

it.skipIf(!hasJq)(
  "an operator's session in the console prints what the README says, but for how many requests refill meanwhile",
  async () => {
    const demo = await makeCheckout({ devVars: LONG_DEADLINE });
    onTestFinished(() => demo.remove());
    const { run: started, url } = await startProduct(demo, { history: "on" });
    onTestFinished(() => started.stop());
    const readme = await readFile(join(ROOT, "README.md"), "utf8");
    const [, section = ""] = /^### Operate it from the console$(.*?)^### /ms.exec(readme) ?? [];
    const steps = stepsOf(section);
    expect(steps.length).toBeGreaterThan(9);
    const commands = steps.map(({ command }) =>
      command.replaceAll("localhost:8787", `localhost:${url.port}`),
    );
    const printed = await runCommands(commands, demo.directory);
    expect(printed.map(withoutCounts)).toEqual(steps.map((step) => withoutCounts(step.printed)));
  },
);

/** Without the number of responses of each status, as `uniq -c` prints it, and without empty lines at the end. */
function withoutCounts(text: string): string {
  return text.replaceAll(/^ +\d+ (?=\d{3}$)/gm, "").trimEnd();
}

/** The free tier's burst of 150, and what refills meanwhile. @param costs of the requests that were admitted since `startMs`. */
function expectBurst(costs: number, startMs: number): void {
  expect(costs).toBeGreaterThan(145);
  expect(costs).toBeLessThanOrEqual(150 + Math.ceil((Date.now() - startMs) * (100 / 60_000)));
}

/** The limiter and a second Worker in one workerd, bound as README's toml says. */
async function twoWorkers(source: string): Promise<Miniflare> {
  const { outputFiles } = await build({
    stdin: { contents: source, resolveDir: project.directory, loader: "ts" },
    bundle: true,
    format: "esm",
    target: "es2024",
    conditions: ["workerd"],
    external: ["cloudflare:workers"],
    write: false,
  });
  const directory = join(BUILD_DIRECTORY, "gateway");
  const gateway = join(directory, ENTRY);
  const settings = convertV4MiniflareOptions({
    cf: false,
    log: new Log(LogLevel.ERROR),
    workers: [
      {
        name: "reports",
        compatibilityDate: "2026-10-01",
        modules: [{ type: "ESModule", path: "reports.js", contents: outputFiles[0]?.text ?? "" }],
        serviceBindings: { EDGE_LIMITER: { name: "edge-limiter", entrypoint: "EdgeLimiter" } },
      },
      {
        ...(await workerOptions("wrangler.toml", directory, true)),
        name: "edge-limiter",
        rootPath: directory,
        modules: [gateway, ...(await modulesOf(gateway))].map((path) => ({
          type: "ESModule" as const,
          path,
        })),
        bindings: { ADMIN_TOKEN: "admin-token-of-the-tests", LOG_LEVEL: "warn" },
      },
    ],
  });
  return withoutSignalHandlers(() => new Miniflare(settings));
}

it.each(["README.md", "examples/worker/src/index.ts", "packages/client/README.md"])(
  "a second Worker is limited over its service binding, as %s shows",
  async (file) => {
    const texts = file.endsWith(".md")
      ? (await examplesOf(file)).map(({ text }) => text)
      : [await readFile(join(ROOT, file), "utf8")];
    const source = texts.find((text) => text.includes("EdgeLimiterBinding"));
    expect(source).toBeDefined();
    const miniflare = await twoWorkers(source ?? "");
    try {
      const ask = (user: string) =>
        miniflare.dispatchFetch("http://reports.test/reports/1", { headers: { "X-User": user } });
      const startMs = Date.now();
      const first = await ask("ada");
      const left = expect.stringMatching(/^"minute";r=145;t=/);
      expect([first.status, first.headers.get("RateLimit")]).toEqual([200, left]);
      const responses = await Promise.all(Array.from({ length: 59 }, () => ask("ada")));
      const denied = responses.filter(({ status }) => status === 429);
      expectBurst(5 * (60 - denied.length), startMs);
      expect(denied[0]?.headers.get("Retry-After")).toMatch(/^\d+$/);
      expect(await denied[0]?.json()).toMatchObject({
        code: "quota_exceeded",
        "violated-policies": ["minute"],
      });
      expect((await ask("bob")).status).toBe(200);
    } finally {
      await miniflare.dispose();
    }
  },
);

it("the client over the binding: batches, status, reservations and the errors of single operations", async () => {
  const source = `
    import { EdgeLimiter } from "@edge-limiter/client";
    import { env } from "cloudflare:workers";
    const limiter = new EdgeLimiter({ binding: env.EDGE_LIMITER, timeoutMs: 30_000 });
    export default {
      async fetch() {
        const [allowed, invalid] = await limiter.checkMany([{ user: "ada", cost: 2 }, { user: "a b" }]);
        const status = await limiter.status("ada");
        const failed = await limiter.status("a b").catch(({ code }) => code);
        const { reservation } = await limiter.reserve({ user: "ada", cost: 9, ttlMs: 60_000 });
        const settled = await limiter.settle({ user: "ada", reservation: reservation.id, cost: 4 });
        const gone = await limiter.settle({ user: "ada", reservation: "unknown", cost: 4 }).catch(({ code }) => code);
        return Response.json([allowed.allowed, invalid.error.code, status.usage.month.cost, failed, settled.cost, gone]);
      },
    };
  `;
  const miniflare = await twoWorkers(source);
  try {
    const response = await miniflare.dispatchFetch("http://reports.test/");
    expect(await response.json()).toEqual([
      true,
      "invalid_request",
      2,
      "invalid_request",
      4,
      "reservation_gone",
    ]);
  } finally {
    await miniflare.dispose();
  }
});

it("works with an older Node that this machine may have", async () => {
  const { stdout } = await run("sh", ["-c", "PATH=/usr/local/bin:/usr/bin:/bin command -v node || true"]);
  const node = stdout.trim();
  if (node === "") return;
  const script = `import { EdgeLimiter } from "@edge-limiter/client";
    const limiter = new EdgeLimiter({ url: "${product.url.href}", key: "el_live_…", timeoutMs: 30000 });
    console.log((await limiter.check({ user: "older" })).allowed);`;
  await project.write("older.mjs", await filledIn(script, 0));
  expect((await run(node, [project.file("older.mjs")])).stdout).toBe("true\n");
});

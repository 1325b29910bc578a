/** What is reused of a build was made from the current sources, so that benchmarks and restarts run the current code. */
import { mkdtemp, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bundle } from "../../scripts/bundle.ts";
import { type WorkerOptions, workerOptions } from "../../scripts/worker-options.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const TOML = 'name = "any"\nmain = "index.ts"\ncompatibility_date = "2026-10-01"\nsend_metrics = false\n';

test(
  "a bundle is reused while its sources are unchanged, and rebuilt if a source is restored with its old date",
  { timeout: 120_000 },
  async () => {
    const directory = await mkdtemp(join(tmpdir(), "edge-limiter-bundle-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    const [index, former] = [join(directory, "index.ts"), join(directory, "former.ts")];
    const worker = (answer: string): string => `export default { fetch: () => new Response("${answer}") };\n`;
    await writeFile(join(directory, "wrangler.toml"), TOML);
    await writeFile(former, worker("former"));
    const yesterday = new Date(Date.now() - 86_400_000);
    await utimes(former, yesterday, yesterday);
    await writeFile(index, worker("latter"));
    const config = relative(ROOT, join(directory, "wrangler.toml"));
    const built = (): Promise<string> => bundle(config, join(directory, "out"), true);

    const entry = await built();
    const { ino, mtimeMs } = await stat(entry);
    expect(await readFile(await built(), "utf8")).toContain("latter");
    expect(await stat(entry)).toMatchObject({ ino, mtimeMs });
    await rename(former, index);
    expect(await readFile(await built(), "utf8")).toContain("former");
  },
);

test("a Worker's options are reused while its wrangler.toml is unchanged, and contain no variable", async () => {
  const directory = await mkdtemp(join(tmpdir(), "edge-limiter-options-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const file = join(directory, "wrangler.toml");
  const variable = '[vars]\nKEY = "not-to-be-kept"\n';
  await writeFile(file, TOML + variable);
  const out = join(directory, "out");
  const read = (): Promise<WorkerOptions> => workerOptions(relative(ROOT, file), out, true);
  const kept = (): Promise<string> => readFile(join(out, "worker-options.json"), "utf8");

  expect(await read()).toMatchObject({ compatibilityDate: "2026-10-01", kvNamespaces: {} });
  expect(await kept()).not.toContain("not-to-be-kept");
  const { ino, mtimeMs } = await stat(join(out, "worker-options.json"));
  expect(JSON.stringify(await read())).toBe(await kept());
  expect(await stat(join(out, "worker-options.json"))).toMatchObject({ ino, mtimeMs });
  await writeFile(file, `${TOML}[[kv_namespaces]]\nbinding = "CONFIG"\n${variable}`);
  expect(await read()).toMatchObject({ kvNamespaces: { CONFIG: { id: "CONFIG" } } });
});

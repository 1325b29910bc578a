/** `npm run directory:rebuild` where it cannot: it says why, and what to do instead. */
import { afterEach, expect, it, vi } from "vitest";
import { startTarget } from "./fake-target.ts";
import { runScript } from "./run-script.ts";

const REBUILD = "POST /api/v1/admin/directory/rebuild";

afterEach(() => vi.unstubAllEnvs());

/** What it says on its standard error; it must fail. */
async function fault(...args: string[]): Promise<string> {
  vi.stubEnv("ADMIN_TOKEN", "a-token-of-somewhere-else");
  const { code, stderr } = await runScript("rebuild-directory", args);
  expect(code).toBe(1);
  return stderr;
}

it("names the product that does not answer", async () => {
  expect(await fault("--url", "http://127.0.0.1:9")).toContain("http://127.0.0.1:9 does not answer");
});

it("asks for the product's own token where it was given another's", async () => {
  await using target = await startTarget({ [REBUILD]: { status: 401, body: {} } });
  expect(await fault("--url", target.url)).toContain("ADMIN_TOKEN=… npm run directory:rebuild");
});

it("says how it is used where it is not understood", async () => {
  expect(await fault("--rest")).toContain("usage: npm run directory:rebuild -- [--url https://…] [--reset]");
});

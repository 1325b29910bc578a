/** Errors of `npm run directory:rebuild` say what is wrong and what to do. */
import { afterEach, expect, it, vi } from "vitest";
import { startTarget } from "./fake-target.ts";
import { runScript } from "./run-script.ts";

const REBUILD = "POST /api/v1/admin/directory/rebuild";

afterEach(() => vi.unstubAllEnvs());

/** Runs a command that must fail. @returns its stderr. */
async function fault(...args: string[]): Promise<string> {
  vi.stubEnv("ADMIN_TOKEN", "the-token-of-another-product");
  const { code, stderr } = await runScript("rebuild-directory", args);
  expect(code).toBe(1);
  return stderr;
}

it("names the product that does not answer", async () => {
  expect(await fault("--url", "http://127.0.0.1:9")).toContain("http://127.0.0.1:9 does not answer");
});

it("asks for the product's own token if it has another one", async () => {
  await using target = await startTarget({ [REBUILD]: { status: 401, body: {} } });
  expect(await fault("--url", target.url)).toContain("set ADMIN_TOKEN to the token of this product");
});

it("prints its usage for an invalid option", async () => {
  expect(await fault("--rest")).toContain("npm run directory:rebuild -- [options]");
});

/** `npm run directory:rebuild` and `register:rebuild`: errors say what is wrong and what to do, and neither creates secrets. */
import { access } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { startTarget } from "./fake-target.ts";
import { runScript } from "./run-script.ts";

const REBUILD = "POST /api/v1/admin/directory/rebuild";
const DEV_VARS = join(import.meta.dirname, "..", "..", ".dev.vars");

/** Runs a command that must fail. @returns its stderr. */
async function fault(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  const { code, stderr } = await runScript("rebuild-directory", args, {
    env: { ADMIN_TOKEN: "the-token-of-another-product", ...env },
  });
  expect(code).toBe(1);
  return stderr;
}

function hasDevVars(): Promise<boolean> {
  return access(DEV_VARS).then(
    () => true,
    () => false,
  );
}

it("names the product that does not answer", async () => {
  expect(await fault(["--url", "http://127.0.0.1:9"])).toContain("http://127.0.0.1:9 does not answer");
});

it("looks for the product at PORT if no URL is given", async () => {
  await using target = await startTarget({ [REBUILD]: { body: { rebuilt: 3, cursor: null } } });
  const env = { ADMIN_TOKEN: "token", PORT: new URL(target.url).port };
  const { code, stdout } = await runScript("rebuild-directory", [], { env });
  expect([code, stdout]).toEqual([0, "3 accounts: done\n"]);
  expect(await fault([], { PORT: "eighty" })).toContain("PORT must be an integer from 0 to 65535");
});

it("asks for the product's own token if it has another one", async () => {
  await using target = await startTarget({ [REBUILD]: { status: 401, body: {} } });
  expect(await fault(["--url", target.url])).toContain("set ADMIN_TOKEN to the token of this product");
});

it("asks for the token of a product elsewhere, and neither reads nor creates .dev.vars", async () => {
  const before = await hasDevVars();
  const stderr = await fault(["--url", "https://limiter.invalid"], { ADMIN_TOKEN: "" });
  expect(stderr).toContain("set ADMIN_TOKEN to the token of https://limiter.invalid");
  expect(await hasDevVars()).toBe(before);
});

it("creates no .dev.vars for a product on this machine", async () => {
  await using target = await startTarget({ [REBUILD]: { status: 401, body: {} } });
  const before = await hasDevVars();
  await fault(["--url", target.url], { ADMIN_TOKEN: "" });
  expect(await hasDevVars()).toBe(before);
});

it("prints its usage for an invalid option", async () => {
  expect(await fault(["--rest"])).toContain("npm run directory:rebuild -- [options]");
});

it("rebuilds the registers of invoices, page by page, and says which numbers are missing", async () => {
  const series = [
    { series: "INV", documents: 5, missing: 0, conflicts: 0, prefix: "INV" },
    { series: "B", documents: 1, missing: 2, conflicts: 0, prefix: "B-R1" },
  ];
  await using target = await startTarget({
    "POST /api/v1/admin/billing/register/rebuild": { body: { rebuilt: 6, cursor: null, series } },
  });
  const run = await runScript("rebuild-register", ["--url", target.url], { env: { ADMIN_TOKEN: "token" } });
  expect([run.code, run.stdout]).toEqual([
    0,
    [
      "6 documents: done",
      "INV: 5 documents; no number is missing",
      "B: 1 documents; 2 numbers are missing and 0 are taken twice, so the next ones begin with B-R1",
      "",
    ].join("\n"),
  ]);
  const wrong = await runScript("rebuild-register", ["--reset"], { env: { ADMIN_TOKEN: "token" } });
  expect([wrong.code, wrong.stderr.includes("npm run register:rebuild -- [options]")]).toEqual([1, true]);
});

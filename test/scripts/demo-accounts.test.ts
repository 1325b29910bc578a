/** Errors while creating the demo's accounts say what to do. */
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { seedDemoAccounts } from "../../scripts/demo-accounts.ts";
import { startTarget } from "./fake-target.ts";

it.each([
  [500, "npm run doctor -- --no-target"],
  [503, "npm run doctor -- --no-target"],
  [401, "another ADMIN_TOKEN than in .dev.vars: restart it"],
])("a %i of the admin API says what to do", async (status, advice) => {
  await using target = await startTarget({ "POST /api/v1/admin/accounts": { status, body: {} } });
  const nowhere = join(tmpdir(), "no-such-directory", "keys.json");
  await expect(seedDemoAccounts(new URL(target.url), "a token", nowhere)).rejects.toThrow(advice);
});

/** Every object's class gets other objects in the deployment's jurisdiction only. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { AccountDirectory } from "../../durable-objects/account-directory.ts";
import { BillingRegister } from "../../durable-objects/billing-register.ts";
import { MetricsHub } from "../../durable-objects/metrics-hub.ts";
import { PolicyRegistry } from "../../durable-objects/policy-registry.ts";
import { UserLimiter } from "../../durable-objects/user-limiter.ts";
import { WebhookDesk } from "../../durable-objects/webhook-desk.ts";
import { Disk, storageOf } from "./sqlite-storage.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const CLASSES = { AccountDirectory, BillingRegister, MetricsHub, PolicyRegistry, UserLimiter, WebhookDesk };
/** The bindings of wrangler.toml. */
const BINDINGS = [
  ...readFileSync(join(ROOT, "wrangler.toml"), "utf8").matchAll(/^name = "([A-Z_]+)"\nclass_name/gm),
];

/** A namespace that has nothing outside the jurisdiction. */
const placeable = (name: string) => ({ jurisdiction: (wanted: string) => `${name} in ${wanted}` });

function environment(): Record<string, unknown> {
  const names = BINDINGS.map(([, name = ""]) => name);
  expect(names.length).toBeGreaterThanOrEqual(5);
  return {
    JURISDICTION: "eu",
    CONFIG: {},
    ...Object.fromEntries(names.map((name) => [name, placeable(name)])),
  };
}

it.each(Object.entries(CLASSES))("%s finds all objects in its jurisdiction", (_name, Class) => {
  const handle = {
    isReplaced: false,
    failNextWrite: false,
    onFailure: () => undefined,
    onAudit: () => undefined,
  };
  const ctx = {
    storage: storageOf(new Disk(), handle, () => undefined),
    id: { name: "user:ann" },
    waitUntil: () => undefined,
    blockConcurrencyWhile: () => Promise.resolve(),
    getWebSockets: () => [],
  };
  const object = new Class(ctx as unknown as DurableObjectState, environment() as unknown as Env);
  const placed: Record<string, unknown> = Reflect.get(object, "env");
  for (const [, name = ""] of BINDINGS) expect(placed[name]).toBe(`${name} in eu`);
});

it("no class of wrangler.toml is missing here, and none has another base", () => {
  const declared = [...readFileSync(join(ROOT, "wrangler.toml"), "utf8").matchAll(/^\[exports\.(\w+)\]/gm)];
  expect(declared.map(([, name]) => name).toSorted()).toEqual(Object.keys(CLASSES).toSorted());
  const files = readdirSync(join(ROOT, "durable-objects"), { recursive: true, encoding: "utf8" });
  const direct = files.filter((file) => {
    if (!file.endsWith(".ts")) return false;
    return /extends DurableObject\b/.test(readFileSync(join(ROOT, "durable-objects", file), "utf8"));
  });
  expect(direct).toEqual(["placed-object.ts"]);
});

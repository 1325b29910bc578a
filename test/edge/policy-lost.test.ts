/** KV that has lost the policy in force: the registry is authoritative, and a new isolate asks it. */
import { reset } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { registryOf, registrySource } from "../../src/objects/policy-registry.ts";
import { CURRENT_KEY, PolicyStore } from "../../src/policy/policy-store.ts";
import { TEST_POLICY } from "../fixtures/edge-policy.ts";

const START_MS = 1_900_000_000_000;

// Other files use the same registry, so it is reset afterwards too.
beforeEach(() => reset());
afterEach(() => reset());

/** A new isolate's store, with a spy on its calls to the registry. */
function newStore() {
  const log = vi.fn();
  const { newest, ...others } = registrySource(env.POLICY_REGISTRY);
  const asked = vi.fn(newest);
  const store = new PolicyStore(env.CONFIG, log, { ...others, newest: asked });
  const at = async (ms: number) => (await store.current(START_MS + ms, () => undefined))?.revision;
  return { store, asked, log, at };
}

const putPolicy = async (): Promise<void> => {
  const put = await registryOf(env.POLICY_REGISTRY).put(JSON.stringify(TEST_POLICY), 0, {
    actor: "a",
    reason: "r",
  });
  expect(put).toMatchObject({ kind: "revision", published: true });
};

describe("if KV has lost the pointer to the policy in force", () => {
  it.each<[what: string, lose: () => Promise<unknown>]>([
    ["deleted", () => env.CONFIG.delete(CURRENT_KEY)],
    ["corrupt", () => env.CONFIG.put(CURRENT_KEY, "{]")],
    [
      "deleted with everything else",
      async () => {
        const { keys } = await env.CONFIG.list();
        await Promise.all(keys.map(({ name }) => env.CONFIG.delete(name)));
      },
    ],
  ])("a new isolate uses the registry's latest revision and reports a problem: %s", async (_what, lose) => {
    await putPolicy();
    await lose();
    const { store, at, log } = newStore();
    expect(await at(0)).toBe(1);
    expect(store.known?.routes.byId("/private")).not.toBeNull();
    expect(store.problem).toContain(CURRENT_KEY);
    expect(log).toHaveBeenCalledTimes(1);
  });

  it("an isolate that knows the policy keeps using it without asking the registry", async () => {
    await putPolicy();
    const { at, asked } = newStore();
    expect(await at(0)).toBe(1);
    await env.CONFIG.delete(CURRENT_KEY);
    expect(await at(30_000)).toBe(1);
    expect(asked).not.toHaveBeenCalled();
  });
});

it("if no policy was ever published, an isolate asks the registry once, and using the embedded default is not a problem", async () => {
  const { store, at, asked, log } = newStore();
  for (const ms of [0, 30_000, 60_000]) expect(await at(ms)).toBe(0);
  expect(asked).toHaveBeenCalledTimes(1);
  expect(store.problem).toBeNull();
  expect(log).not.toHaveBeenCalled();
});

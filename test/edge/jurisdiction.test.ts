/**
 * `JURISDICTION`: the edge finds every object there, and nowhere else. workerd has no jurisdictions, so the namespaces here are fakes, in
 * front of the real objects: outside the jurisdiction, they throw.
 */
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, describe, expect, it, vi } from "vitest";
import { jurisdictionState } from "../../src/objects/jurisdiction-state.ts";
import { newAddress } from "../fixtures/edge-account.ts";
import { ADMIN_TOKEN, startEdge } from "../fixtures/edge-app.ts";
import { kvWith } from "../fixtures/edge-bindings.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

const OBJECTS = [
  "USER_LIMITER",
  "POLICY_REGISTRY",
  "ACCOUNT_DIRECTORY",
  "METRICS_HUB",
  "BILLING_REGISTER",
  "WEBHOOK_DESK",
] as const;

/** A namespace whose objects exist in one jurisdiction alone. Notes those that are asked for. */
function only<T extends object>(namespace: T, jurisdiction: string, asked: string[]): T {
  const inside = new Proxy(namespace, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== "function") return member;
      return (...given: unknown[]) => {
        asked.push(String(given[0]));
        return Reflect.apply(member, target, given);
      };
    },
  });
  return new Proxy(namespace, {
    get(_target, name) {
      if (name !== "jurisdiction") throw new Error(`an object is asked for outside ${jurisdiction}`);
      return (wanted: string) => {
        if (wanted !== jurisdiction) throw new Error(`the jurisdiction is ${wanted}`);
        return inside;
      };
    },
  });
}

/** Namespaces of a jurisdiction, and the names of the objects that were asked for there. */
function objectsIn(jurisdiction: string): {
  readonly objects: Record<string, unknown>;
  readonly asked: string[];
} {
  const asked: string[] = [];
  const objects = Object.fromEntries(OBJECTS.map((name) => [name, only(env[name], jurisdiction, asked)]));
  return { objects, asked };
}

/** A fresh isolate of the Worker. Never let it call a real object, which it would invalidate. */
async function freshWorker() {
  vi.resetModules();
  return (await import("../../src/index.ts")).default;
}

const get = (path: string) =>
  new Request<unknown, IncomingRequestCfProperties>(`https://edge.test${path}`, {
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}` },
  });

afterEach(() => {
  vi.restoreAllMocks();
  vi.resetModules();
});

describe("a jurisdiction", () => {
  it("has every object that requests, the admin API and analytics ask for", async () => {
    const { objects, asked } = objectsIn("eu");
    const edge = await startEdge({ variables: { JURISDICTION: "eu" }, bindings: objects });
    const send = async (path: string, init: RequestInit = {}) => {
      const headers = {
        Authorization: `Bearer ${ADMIN_TOKEN}`,
        "Content-Type": "application/json",
        // Other files use up the attempts of an unknown address.
        ...newAddress(),
      };
      return (await edge.request(path, { ...init, headers })).status;
    };
    const admin = "/api/v1/admin";
    const body = JSON.stringify({ id: `placed-${crypto.randomUUID()}` });
    expect(await send("/ready")).toBe(200);
    expect((await edge.request("/identify", { headers: newAddress() })).status).toBe(200);
    expect(await send(`${admin}/accounts`, { method: "POST", body })).toBe(201);
    expect(await send(`${admin}/accounts`)).toBe(200);
    expect(await send(`${admin}/policy/revisions`)).toBe(200);
    expect(await send(`${admin}/reports/overview`)).toBe(200);
    expect(await send(`${admin}/billing/invoices`)).toBe(200);
    await edge.backgroundDone();
    for (const name of [/^user:placed-/, /^ip:/, /^policy$/, /^directory$/, /^hub-0$/, /^INV/]) {
      expect(
        asked.filter((asking) => name.test(asking)),
        String(name),
      ).not.toEqual([]);
    }
  });

  it("has those that the deployed Worker asks for, whose module composes it", async () => {
    const worker = await freshWorker();
    const asked: string[] = [];
    const stub = { newest: async () => null, ping: async () => "pong", record: async () => true };
    const inside = { getByName: (name: string) => (asked.push(name), stub) };
    const objects = Object.fromEntries(OBJECTS.map((name) => [name, { jurisdiction: () => inside }]));
    const bindings = Object.assign({}, env, objects, { JURISDICTION: "eu" as const, ADMIN_TOKEN });
    for (const path of ["/ready", "/api/v1/admin/policy"]) {
      const context = createExecutionContext();
      await worker.fetch(get(path), bindings, context);
      await waitOnExecutionContext(context);
    }
    expect(asked).toContain("policy");
    expect(asked.length).toBeGreaterThan(1);
  });

  it("that is none is rejected: no object is created elsewhere", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    const worker = await freshWorker();
    const bindings = Object.assign({}, env, objectsIn("eu").objects, Object({ JURISDICTION: "EU" }));
    const response = await worker.fetch(get("/health"), bindings, createExecutionContext());
    expect(await problemOf(response)).toMatchObject({ status: 500, code: "internal_error" });
  });

  it("that the runtime lacks, as workerd does, stops the Worker: no object is created elsewhere", async () => {
    const worker = await freshWorker();
    const bindings = { ...env, JURISDICTION: "eu" } as const;
    const fetching = async () => worker.fetch(get("/identify"), bindings, createExecutionContext());
    await expect(fetching()).rejects.toThrow(/[Jj]urisdiction/);
  });
});

describe("a change of the jurisdiction", () => {
  /** KV of a deployment. */
  function store(entries: Readonly<Record<string, string>> = {}): KVNamespace {
    const values = new Map(Object.entries(entries));
    const kv = {
      get: async (key: string) => values.get(key) ?? null,
      put: async (key: string, value: string) => void values.set(key, value),
      list: async ({ prefix }: { prefix: string }) => ({
        keys: [...values.keys()].filter((name) => name.startsWith(prefix)).map((name) => ({ name })),
      }),
    };
    return kv as unknown as KVNamespace;
  }

  it("is reported, whatever it was before", async () => {
    const config = store();
    expect(await jurisdictionState(config, "eu")).toBe("ok");
    expect(await jurisdictionState(config, "eu")).toBe("ok");
    expect(await jurisdictionState(config, "us")).toBe("is us, was eu: its objects are not found");
    expect(await jurisdictionState(config, null)).toBe("is none, was eu: its objects are not found");
    const without = store();
    expect(await jurisdictionState(without, null)).toBe("ok");
    expect(await jurisdictionState(without, "eu")).toBe("is eu, was none: its objects are not found");
  });

  it.each([{ "policy:current": '{"revision":1}' }, { "account:ann": "1" }])(
    "is reported of a deployment that an older version has used: %j",
    async (entries) => {
      expect(await jurisdictionState(store(entries), "eu")).toBe(
        "is eu, was none: its objects are not found",
      );
    },
  );

  it("is not reported if KV fails: that is another fault", async () => {
    const down = kvWith(() => {
      throw new Error("down");
    });
    expect(await jurisdictionState(down, "eu")).toBe("ok");
  });
});

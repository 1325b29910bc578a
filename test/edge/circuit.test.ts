/**
 * The circuit breakers: a failing object is not called for a while, and the others are unaffected. The clock stands still unless
 * a test moves it.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import { Circuit } from "../../src/limiter/circuit.ts";
import { newAddress } from "../fixtures/edge-account.ts";
import { startEdge } from "../fixtures/edge-app.ts";
import { hang, objectsWith } from "../fixtures/edge-bindings.ts";
import { policyOfTier } from "../fixtures/edge-policy.ts";

const NOW_MS = 1_900_000_000_000;

describe("a circuit", () => {
  it("opens after consecutive failures, allows one probe per interval, and closes on a success", () => {
    const circuit = new Circuit(3, 1_000);
    const rows: [
      event: "failed" | "succeeded" | "asked",
      ms: number,
      open: boolean,
      allows: boolean | null,
    ][] = [
      ["failed", 0, false, null],
      ["failed", 0, false, null],
      ["succeeded", 0, false, null],
      ["failed", 1, false, null],
      ["failed", 2, false, null],
      ["asked", 2, false, true],
      ["failed", 3, true, null],
      ["asked", 3, true, false],
      ["asked", 1_002, true, false],
      ["asked", 1_003, true, true],
      ["asked", 1_003, true, false],
      ["failed", 1_050, true, null],
      ["asked", 2_049, true, false],
      ["asked", 2_050, true, true],
      // That probe is never reported: the runtime ended its request.
      ["asked", 3_049, true, false],
      ["asked", 3_050, true, true],
      ["succeeded", 3_051, false, null],
      ["asked", 3_051, false, true],
    ];
    for (const [event, ms, open, allows] of rows) {
      if (event === "failed") circuit.failed(ms);
      if (event === "succeeded") circuit.succeeded();
      if (event === "asked") expect(circuit.allows(ms), `at ${ms}`).toBe(allows);
      expect(circuit.isOpen, `at ${ms}`).toBe(open);
    }
  });
});

/** An edge that records its decision calls, some of which fail. */
async function watchedEdge(fails: (subject: string) => unknown) {
  const calls: string[] = [];
  const edge = await startEdge({
    policy: policyOfTier({ limits: [], mode: "strict" }),
    variables: {
      LIMITER_TIMEOUT_MS: "120",
      USER_LIMITER: objectsWith((subject, method) => {
        if (method !== "serve") return undefined;
        calls.push(subject);
        return fails(subject);
      }),
    },
  });
  const ask = async (client: Record<string, string>) => {
    const response = await edge.request("/a", { headers: client });
    return /desc="([a-z-]+)"/.exec(response.headers.get("Server-Timing") ?? "")?.[1];
  };
  const health = async () =>
    z.parse(
      z.object({ status: z.string(), checks: z.object({ limiter: z.string() }) }),
      await (await edge.request("/health")).json(),
    );
  return { edge, calls, ask, health };
}

const nameOf = (client: { "CF-Connecting-IP": string }) => `ip:${client["CF-Connecting-IP"]}`;
const down = () => {
  throw new Error("down");
};

describe("at the edge", () => {
  beforeEach(() => {
    vi.spyOn(console, "error").mockReturnValue();
    vi.useFakeTimers({ toFake: ["Date"], now: NOW_MS });
  });
  afterEach(() => {
    vi.useRealTimers();
    vi.restoreAllMocks();
  });

  it("an object that failed three times is not called for a second, then probed once, and called again when it answers", async () => {
    let failing = true;
    const { calls, ask } = await watchedEdge(() => failing && down());
    const client = newAddress();
    for (let i = 0; i < 10; i++) expect(await ask(client)).toBe("fallback");
    expect(calls).toHaveLength(3);
    vi.setSystemTime(NOW_MS + 1_000);
    for (let i = 0; i < 10; i++) expect(await ask(client)).toBe("fallback");
    expect(calls).toHaveLength(4);
    failing = false;
    vi.setSystemTime(NOW_MS + 2_000);
    for (let i = 0; i < 3; i++) expect(await ask(client)).toBe("strict");
    expect(calls).toHaveLength(7);
  });

  it("one user's failing object opens no other circuit if it is called one by one over minutes", async () => {
    const bad = newAddress();
    const { calls, ask, health } = await watchedEdge((subject) => subject === nameOf(bad) && down());
    for (let ms = 0; ms < 120_000; ms += 500) {
      vi.setSystemTime(NOW_MS + ms);
      expect(await ask(bad)).toBe("fallback");
    }
    expect(calls.length).toBeGreaterThan(20);
    expect(await ask(newAddress())).toBe("strict");
    expect((await health()).status).toBe("ok");
  });

  it("one user's failing object opens no other circuit if fifty requests call it at once", async () => {
    const bad = newAddress();
    const { calls, ask } = await watchedEdge((subject) => (subject === nameOf(bad) ? hang() : undefined));
    const answers = await Promise.all(Array.from({ length: 50 }, () => ask(bad)));
    expect(new Set(answers)).toEqual(new Set(["fallback"]));
    // Requests that arrive during a call share the next one.
    expect(calls).toHaveLength(2);
    expect(await ask(newAddress())).toBe("strict");
    expect(await ask(bad)).toBe("fallback");
    expect(await ask(bad)).toBe("fallback");
    // Three calls failed, so this object's circuit is open.
    expect(calls).toHaveLength(4);
  });

  it("overloaded objects, however many, do not stop calls to other objects", async () => {
    // cloudflare/cloudflare-docs#10550
    const { calls, ask } = await watchedEdge((subject) => {
      if (subject.startsWith("ip:10.")) throw Object.assign(new Error("overloaded"), { overloaded: true });
    });
    for (let i = 0; i < 30; i++) expect(await ask(newAddress())).toBe("none");
    expect(calls).toHaveLength(30);
    expect(await ask({ "CF-Connecting-IP": "192.0.2.1" })).toBe("strict");
  });

  it("if all objects fail, calls stop, health reports degraded, and one probe a second detects their return", async () => {
    let failing = true;
    const { calls, ask, health } = await watchedEdge(() => failing && down());
    for (let i = 0; i < 30; i++) expect(await ask(newAddress())).toBe("fallback");
    expect(calls).toHaveLength(10);
    expect(await health()).toMatchObject({
      status: "degraded",
      checks: { limiter: expect.stringContaining("open") },
    });
    vi.setSystemTime(NOW_MS + 1_000);
    for (let i = 0; i < 10; i++) await ask(newAddress());
    expect(calls).toHaveLength(11);
    failing = false;
    vi.setSystemTime(NOW_MS + 2_000);
    for (let i = 0; i < 5; i++) expect(await ask(newAddress())).toBe("strict");
    expect((await health()).status).toBe("ok");
  });

  it("one user's successes keep calls to all objects going", async () => {
    const good = newAddress();
    const { calls, ask } = await watchedEdge((subject) => subject !== nameOf(good) && down());
    for (let i = 0; i < 40; i++) {
      expect(await ask(newAddress())).toBe("fallback");
      if (i % 5 === 4) expect(await ask(good)).toBe("strict");
    }
    expect(calls).toHaveLength(48);
  });

  it("an object that answers intermittently is not cut off", async () => {
    let count = 0;
    const { calls, ask } = await watchedEdge(() => {
      count += 1;
      return count % 3 !== 0 && down();
    });
    const client = newAddress();
    for (let i = 0; i < 12; i++) await ask(client);
    expect(calls).toHaveLength(12);
  });
});

describe("readiness", () => {
  it("is 503 until an object answers, whatever the state of the circuits", async () => {
    let failing = true;
    const edge = await startEdge({
      variables: { LIMITER_TIMEOUT_MS: "50", USER_LIMITER: objectsWith(() => failing && down()) },
    });
    const before = await edge.request("/ready");
    expect([before.status, before.headers.get("Retry-After")]).toEqual([503, "1"]);
    expect(await before.json()).toMatchObject({ ready: false, checks: { policy: "ok" } });
    failing = false;
    expect(await (await edge.request("/ready")).json()).toEqual({
      ready: true,
      checks: { policy: "ok", limiter: "ok" },
    });
  });
});

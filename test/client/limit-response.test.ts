/** `limit()` answers as the gateway does: the client package has the texts and headers again, since it has no dependencies. */
import * as fc from "fast-check";
import { Hono } from "hono";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { limit } from "../../packages/client/src/limit.ts";
import type * as client from "../../packages/client/src/index.ts";
import { UNCAPPED_MILLI } from "../../src/core/calendar-quota.ts";
import { type Decision, DECISION_OUTCOMES } from "../../src/core/decision.ts";
import { toTokens } from "../../src/core/units.ts";
import { rejection, withLimits } from "../../src/edge/decision-response.ts";

beforeEach(() => {
  // X-RateLimit-Reset is a time of day.
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const ID = "55393f1e-d649-457d-986e-e3434baf9f67";
const amount = fc.integer({ min: 0, max: 5_000_000 }).map((milli) => milli / 1_000);
const view = fc.record({
  name: fc.constantFrom("minute", "month", "parallel"),
  kind: fc.constantFrom("bucket" as const, "quota" as const, "concurrency" as const),
  limit: fc.oneof(amount, fc.constant(toTokens(UNCAPPED_MILLI))).map((most) => most || 1),
  remaining: amount,
  resetMs: fc.integer({ min: 0, max: 100_000 }),
  windowMs: fc.integer({ min: 1, max: 100_000 }),
});
const billed = fc
  .tuple(view, amount, amount)
  .map(([limits, included, over]) => Object.assign(limits, { included, over }));
const outcomes = DECISION_OUTCOMES.map((outcome) => fc.constant(outcome));
const decision: fc.Arbitrary<Decision> = fc
  .record({
    outcome: fc.oneof(...outcomes, fc.constant("denied" as const)),
    cost: amount,
    limits: fc.array(fc.oneof(view, billed), { maxLength: 3 }),
    retryAfterMs: fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 100_000 })),
    violated: fc.subarray(["minute", "month", "parallel"], { minLength: 1 }),
    cap: fc.constantFrom(undefined, "spend_cap" as const, "budget" as const, "credits" as const),
  })
  .map(({ cap, ...decided }): Decision =>
    Object.assign(
      decided,
      { allowed: decided.outcome === "allowed", source: "strict" as const, tier: "free", revision: 1 },
      { decisionId: ID, holds: [] },
      cap === undefined || decided.outcome !== "denied" ? {} : { cap },
    ),
  );

async function parts(response: Response) {
  const text = await response.text();
  const body: unknown = text.startsWith("{") ? JSON.parse(text) : text;
  return { status: response.status, headers: [...response.headers].toSorted(), body };
}

describe("limit()", () => {
  it("rejects, and writes the limits of what it admits, exactly as the gateway does", async () => {
    await fc.assert(
      fc.asyncProperty(decision, fc.boolean(), async (decided, xRateLimit) => {
        const app = new Hono();
        app.use(limit({ decide: () => decided, requestId: () => ID, xRateLimit: () => xRateLimit }));
        app.get("/", () => new Response("the report"));
        const reported = { decision: decided, requestId: ID, xRateLimit, serverTiming: false, limiterMs: 0 };
        const own = decided.allowed ? withLimits(new Response("the report"), reported) : rejection(reported);
        expect(await parts(await app.request("/"))).toEqual(await parts(own));
      }),
    );
  });

  it("never admits an outcome that it does not know", async () => {
    const app = new Hono();
    const decide = () => ({ outcome: "deferred", allowed: false, limits: [], retryAfterMs: 0 }) as never;
    app.use(limit({ decide }));
    app.get("/", () => new Response("the report"));
    expect((await app.request("/")).status).toBe(503);
  });

  describe("settles a reservation once", () => {
    const reserved: client.Decision = {
      outcome: "allowed",
      allowed: true,
      cost: 4,
      limits: [],
      retryAfterMs: 0,
      violated: [],
      source: "strict",
      tier: "free",
      revision: 1,
      decisionId: ID,
      reservation: { id: "r1", expiresAt: "2026-01-01T00:01:00Z" },
    };

    function appWith(handler: () => Response | Promise<Response>, answer = reserved) {
      const settle = vi.fn(() => Promise.resolve());
      const app = new Hono();
      app.use(limit({ decide: () => answer, settle }));
      app.get("/", handler);
      app.onError(() => new Response("failed", { status: 500 }));
      return { settle, ask: async () => app.request("/") };
    }

    it("when its response has been read, not before", async () => {
      let end = (): void => undefined;
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          controller.enqueue(new TextEncoder().encode("streamed"));
          end = () => controller.close();
        },
      });
      const { settle, ask } = appWith(() => new Response(body));
      const response = await ask();
      const reader = response.body?.getReader();
      await reader?.read();
      expect(settle).not.toHaveBeenCalled();
      end();
      await reader?.read();
      await vi.waitFor(() => expect(settle).toHaveBeenCalledTimes(1));
      expect(settle).toHaveBeenCalledWith(expect.anything(), reserved.reservation, reserved);
    });

    it("when its client leaves", async () => {
      const { settle, ask } = appWith(
        () => new Response(new ReadableStream<Uint8Array>({ pull: () => undefined })),
      );
      const response = await ask();
      await response.body?.cancel();
      await vi.waitFor(() => expect(settle).toHaveBeenCalledTimes(1));
    });

    it("when the response has no body, or the handler throws", async () => {
      const empty = appWith(() => new Response(null, { status: 204 }));
      await empty.ask();
      expect(empty.settle).toHaveBeenCalledTimes(1);
      const failing = appWith(() => Promise.reject(new Error("handler")));
      await (await failing.ask()).text();
      await vi.waitFor(() => expect(failing.settle).toHaveBeenCalledTimes(1));
    });

    it("and nothing if nothing was reserved", async () => {
      const { reservation: _reservation, ...plain } = reserved;
      const { settle, ask } = appWith(() => new Response("the report"), plain);
      expect(await (await ask()).text()).toBe("the report");
      expect(settle).not.toHaveBeenCalled();
    });
  });
});

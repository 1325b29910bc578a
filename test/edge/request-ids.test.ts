/** Every answer has a request id, and the log finds what was decided, or what was wrong, by it. */
import { afterEach, describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import { admin, createAccount, customer, newAddress, newUser } from "../fixtures/edge-account.ts";
import { ADMIN_TOKEN, type Edge, startEdge } from "../fixtures/edge-app.ts";
import { TEST_POLICY } from "../fixtures/edge-policy.ts";
import { kvWith, objectsWith } from "../fixtures/edge-bindings.ts";

const CHECK = "/api/v1/rate-limit/check";
const ADMIN = { Authorization: `Bearer ${ADMIN_TOKEN}` };

afterEach(() => vi.restoreAllMocks());

const logSchema = z.object({ decisions: z.array(z.looseObject({ requestId: z.string() })) });

/** What the log has of a request. */
async function logged(edge: Edge, id: string | null): Promise<z.infer<typeof logSchema>["decisions"]> {
  await edge.backgroundDone();
  const response = await admin(edge, "GET", `/reports/decisions?requestId=${id}`);
  return logSchema.parse(await response.json()).decisions;
}

const post = (body: unknown, headers: Record<string, string> = {}) => ({
  method: "POST",
  body: typeof body === "string" ? body : JSON.stringify(body),
  headers: { ...newAddress(), ...headers },
});

/** An edge with a service that may check, whose upstream fails. */
async function asking(options: Parameters<typeof startEdge>[0] = {}) {
  const edge = await startEdge(options);
  const { headers, user } = await customer(edge, { scopes: ["check", "call"] });
  return { edge, user, headers, check: (body: unknown) => edge.request(CHECK, post(body, headers)) };
}

describe("an error is found by its request id, with its reason:", () => {
  type Send = (context: Awaited<ReturnType<typeof asking>>) => Promise<Response>;
  const get =
    (path: string, headers: Record<string, string> = {}): Send =>
    ({ edge }) =>
      edge.request(path, { headers: { ...newAddress(), ...headers } });

  it.each<[what: string, status: number, outcome: string, reason: string, route: string, send: Send]>([
    ["no route", 404, "turned_away", "not_found", "", get("/nowhere")],
    ["no credential", 401, "turned_away", "unauthenticated", "/private", get("/private")],
    [
      "a bad key",
      401,
      "turned_away",
      "unauthenticated",
      "/identify",
      get("/identify", { "X-API-Key": "el_live_x" }),
    ],
    ["a failing upstream", 502, "error", "upstream_error", "/identify", get("/identify")],
    [
      "a bad key of the API",
      401,
      "turned_away",
      "unauthenticated",
      `${CHECK.slice(0, -5)}status`,
      get("/api/v1/rate-limit/status", { "X-API-Key": "el_live_x" }),
    ],
    [
      "no key of the API",
      401,
      "turned_away",
      "unauthenticated",
      CHECK,
      ({ edge }) => edge.request(CHECK, post({})),
    ],
    ["no such path", 404, "turned_away", "not_found", "", get("/api/v1/nothing")],
    ["another method", 405, "turned_away", "method_not_allowed", "", get("/api/v1/rate-limit/check")],
    ["a body that is not JSON", 400, "turned_away", "invalid_request", CHECK, ({ check }) => check("{")],
    [
      "a body too large",
      413,
      "turned_away",
      "invalid_request",
      CHECK,
      ({ check }) => check("x".repeat(1_048_577)),
    ],
    ["a bad operation", 422, "turned_away", "invalid_request", CHECK, ({ check }) => check({ user: "a b" })],
    [
      "an unknown route",
      422,
      "turned_away",
      "invalid_request",
      "",
      ({ check }) => check({ user: "a", route: "/x" }),
    ],
    [
      "no admin token",
      401,
      "turned_away",
      "unauthenticated",
      "/api/v1/admin/policy",
      get("/api/v1/admin/policy"),
    ],
    [
      "an unknown account",
      404,
      "turned_away",
      "not_found",
      "/api/v1/admin/accounts/:id",
      get(`/api/v1/admin/accounts/${newUser()}`, ADMIN),
    ],
    [
      "a lost update",
      412,
      "turned_away",
      "revision_mismatch",
      "/api/v1/admin/policy",
      ({ edge }) =>
        edge.request("/api/v1/admin/policy", {
          method: "PUT",
          body: JSON.stringify({ document: TEST_POLICY, force: true }),
          headers: { ...ADMIN, "If-Match": '"1"' },
        }),
    ],
  ])("%s, %i", async (_what, status, outcome, reason, route, send) => {
    const context = await asking({
      upstream: () => {
        throw new Error("down");
      },
    });
    const response = await send(context);
    expect(response.status).toBe(status);
    const id = response.headers.get("X-Request-Id");
    expect(await logged(context.edge, id)).toMatchObject([
      { requestId: id, outcome, reason, route, requests: route.startsWith("/api/v1/admin") ? 0 : 1 },
    ]);
  });

  it("no policy, and credentials that cannot be checked: 503", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    let isDown = false;
    const edge = await startEdge({
      variables: {
        CONFIG: kvWith((key) => {
          if (isDown && key.startsWith("key:")) throw new Error("KV is down");
        }),
      },
    });
    const { headers } = await customer(edge);
    isDown = true;
    const unchecked = await edge.request("/identify", { headers });
    const policies = vi.spyOn(edge.services.policies, "current").mockReturnValue(Promise.resolve(null));
    const none = await edge.request("/identify", { headers: newAddress() });
    policies.mockRestore();
    expect([unchecked.status, none.status]).toEqual([503, 503]);
    for (const [response, reason] of [
      [unchecked, "credentials_unavailable"],
      [none, "policy_unavailable"],
    ] as const) {
      const id = response.headers.get("X-Request-Id");
      expect(await logged(edge, id)).toMatchObject([{ outcome: "error", reason }]);
    }
  });

  it("an unexpected exception, 500, and an object that does not answer the control plane, 503", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    let isDown = false;
    const { edge, check } = await asking({
      variables: {
        USER_LIMITER: objectsWith((_subject, method) => {
          if (isDown && method === "account") throw new Error("down");
        }),
      },
    });
    const id = await createAccount(edge);
    isDown = true;
    const silent = await edge.request(`/api/v1/admin/accounts/${id}`, { headers: ADMIN });
    const spy = vi.spyOn(edge.services.limiter, "decideAll").mockRejectedValue(new Error("a bug"));
    const broken = await check({ user: newUser() });
    spy.mockRestore();
    expect([silent.status, broken.status]).toEqual([503, 500]);
    for (const [response, reason] of [
      [silent, "temporary_reduced_capacity"],
      [broken, "internal_error"],
    ] as const) {
      const requestId = response.headers.get("X-Request-Id");
      expect(await logged(edge, requestId)).toMatchObject([{ outcome: "error", reason }]);
    }
  });
});

describe("a decision of the check API", () => {
  const decision = z.looseObject({ decisionId: z.string(), allowed: z.boolean() });

  it("has the id of its response, which finds it, allowed or denied; its repeats have it too", async () => {
    const { edge, check, user: service } = await asking();
    const user = newUser();
    const operation = { user, cost: 6, idempotencyKey: "k" };
    const responses = [await check(operation), await check({ user, cost: 6 })];
    for (const [i, outcome] of ["allowed", "denied"].entries()) {
      const id = responses[i]?.headers.get("X-Request-Id") ?? "";
      expect(decision.parse(await responses[i]?.json())).toMatchObject({ decisionId: id, allowed: i === 0 });
      expect(await logged(edge, id)).toMatchObject([{ requestId: id, account: `user:${user}`, outcome }]);
    }
    const again = decision.parse(await (await check(operation)).json());
    expect(again).toMatchObject({
      decisionId: responses[0]?.headers.get("X-Request-Id"),
      replayed: true,
    });
    const mismatch = await check({ ...operation, cost: 5 });
    const id = mismatch.headers.get("X-Request-Id");
    expect(await logged(edge, id)).toMatchObject([
      { account: `user:${service}`, outcome: "turned_away", reason: "idempotency_mismatch" },
    ]);
  });

  it("of a batch has the request's id and its number: by either, the log finds the batch, also its errors", async () => {
    const { edge, headers } = await asking();
    const user = newUser();
    const items = [{ user, cost: 6 }, { user: "a b" }, { user, cost: 6 }, { user: newUser() }];
    for (const type of ["application/json", "application/x-ndjson"]) {
      const lines = items.map((item) => JSON.stringify(item));
      const body = type === "application/json" ? `[${lines.join()}]` : lines.join("\n");
      const response = await edge.request(`${CHECK}/batch`, post(body, { ...headers, "Content-Type": type }));
      const id = response.headers.get("X-Request-Id") ?? "";
      const text = new TextDecoder().decode(await response.arrayBuffer());
      const answers: unknown = JSON.parse(
        text.startsWith("[") ? text : `[${text.trim().replaceAll("\n", ",")}]`,
      );
      expect(answers).toMatchObject([
        { decisionId: `${id}-1` },
        { error: { code: "invalid_request", requestId: `${id}-2` } },
        { decisionId: `${id}-3` },
        { decisionId: `${id}-4` },
      ]);
      for (const each of [id, `${id}-2`]) {
        const found = await logged(edge, each);
        expect(found.map(({ requestId }) => requestId)).toEqual([id, id, id, id]);
        expect(found.filter(({ reason }) => reason === "invalid_request")).toHaveLength(1);
      }
    }
  });
});

/** Sessions of the portal: how they begin, what they may read, and how they end. */
import { describe, expect, it, vi } from "vitest";
import { parseBy } from "../../src/policy/fault.ts";
import { portalBillingSchema, portalTiersSchema } from "../../openapi/resources/portal-billing.ts";
import { portalInvoicesSchema } from "../../openapi/resources/portal-invoices.ts";
import { portalSessionSchema } from "../../openapi/resources/portal-sessions.ts";
import { keysSchema } from "../../openapi/resources/keys.ts";
import { statusSchema, usageReportSchema } from "../../openapi/resources/usage.ts";
import { admin, createAccount, customer, issueKey } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { objectsWhere } from "../fixtures/fault-objects.ts";
import { problemCode } from "../fixtures/edge-problem.ts";
import { linkFor, PORTAL_POLICY, signedIn, Visitor } from "../fixtures/portal.ts";

async function start(): Promise<Edge> {
  return startEdge({ policy: PORTAL_POLICY });
}

describe("a session", () => {
  it.each(["key", "link"] as const)(
    "of a %s reads the account, each answer in its documented shape",
    async (kind) => {
      const edge = await start();
      const { user, key, headers } = await customer(edge, { tier: "pro" });
      expect((await edge.request("/identify", { headers })).status).toBe(200);
      const visitor = await signedIn(edge, kind === "key" ? { key } : { link: await linkFor(edge, user) });
      expect(await visitor.read("/session")).toMatchObject({
        account: user,
        kind,
        may: { keys: true, budget: kind === "link", tier: kind === "link" },
      });
      const shapes = {
        "/session": portalSessionSchema,
        "/status": statusSchema,
        "/usage": usageReportSchema,
        "/usage?group=route": usageReportSchema,
        "/billing": portalBillingSchema,
        "/tiers": portalTiersSchema,
        "/invoices": portalInvoicesSchema,
        "/keys": keysSchema,
      };
      for (const [path, schema] of Object.entries(shapes)) {
        const parsed = parseBy<unknown>(schema, await visitor.read(path));
        expect([path, parsed.ok ? [] : parsed.faults]).toEqual([path, []]);
      }
      expect(await visitor.read("/tiers")).toEqual({
        current: "pro",
        pending: null,
        tiers: [
          { name: "free", base: "0", included: 1_000, overage: "stop", price: null },
          { name: "pro", base: "10", included: 5, overage: "payg", price: "0.01 each" },
        ],
      });
    },
  );

  it("ends everywhere when it is signed out", async () => {
    const edge = await start();
    const { key } = await customer(edge);
    const visitor = await signedIn(edge, { key });
    const copy = new Visitor(edge, visitor.cookie);
    expect((await visitor.send("DELETE", "/session")).status).toBe(204);
    expect(visitor.cookie).toBe("");
    expect(await problemCode(await copy.send("GET", "/session"))).toBe("401 invalid_credentials");
    expect((await visitor.send("DELETE", "/session")).status).toBe(204);
  });

  it("ends when another one begins in the same browser, also of another account", async () => {
    const edge = await start();
    const [one, other] = [await customer(edge), await customer(edge)];
    const visitor = await signedIn(edge, { key: one.key });
    const copy = new Visitor(edge, visitor.cookie);
    expect((await visitor.send("POST", "/session", { key: "el_live_wrong" })).status).toBe(401);
    expect((await copy.send("GET", "/session")).status).toBe(200);
    expect((await visitor.send("POST", "/session", { key: other.key })).status).toBe(200);
    expect(await visitor.read("/session")).toMatchObject({ account: other.user });
    expect((await copy.send("GET", "/session")).status).toBe(401);
  });

  it("of a key ends when the key is revoked", async () => {
    const edge = await start();
    const { user, key } = await customer(edge);
    const other = await issueKey(edge, user);
    const visitor = await signedIn(edge, { key: other.key });
    const second = await signedIn(edge, { key });
    await admin(edge, "DELETE", `/accounts/${user}/keys/${other.keyId}`);
    expect((await visitor.send("GET", "/status")).status).toBe(401);
    expect((await second.send("GET", "/status")).status).toBe(200);
  });

  it("is kept while the account's object does not answer", async () => {
    const edge = await start();
    const { key } = await customer(edge);
    const { cookie } = await signedIn(edge, { key });
    for (const [call, method, body] of [
      ["portalSession", "GET", undefined],
      ["openPortal", "POST", { key }],
      ["closePortal", "DELETE", undefined],
    ] as const) {
      const USER_LIMITER = objectsWhere(() => "unreachable", 0, call);
      const broken = await startEdge({ policy: null, variables: { USER_LIMITER } });
      const response = await new Visitor(broken, cookie).send(method, "/session", body);
      expect([call, await problemCode(response)]).toEqual([call, "503 temporary_reduced_capacity"]);
      expect(response.headers.has("Set-Cookie")).toBe(false);
    }
    expect((await new Visitor(edge, cookie).send("GET", "/session")).status).toBe(200);
  });

  it("has a cookie that is sent to the portal's API only", async () => {
    const edge = await start();
    const { key } = await customer(edge);
    const response = await new Visitor(edge).send("POST", "/session", { key });
    expect(response.headers.get("Set-Cookie")).toMatch(
      /^__Secure-el_portal=[\w%.-]+; Max-Age=43\d{3}; Path=\/api\/v1\/portal; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect(response.headers.get("Cache-Control")).toBe("no-store");
  });
});

describe("an error of the portal", () => {
  it("can be found by its request id, and no figure of the traffic counts it", async () => {
    const edge = await start();
    const record = vi.spyOn(edge.services.recorder, "record");
    const responses = [
      await new Visitor(edge).send("GET", "/session"),
      await new Visitor(edge).send("POST", "/session", { key: "el_live_wrong" }),
      await edge.request("/portal/no/such/page"),
    ];
    const points = record.mock.calls.map(([{ requestId, requests, account }]) => [
      requestId,
      requests,
      account,
    ]);
    expect(points).toEqual(responses.map(({ headers }) => [headers.get("X-Request-Id"), 0, ""]));
  });
});

describe("a link", () => {
  it("opens exactly one session, whatever comes at once", async () => {
    const edge = await start();
    const user = await createAccount(edge);
    const link = await linkFor(edge, user);
    const statuses = await Promise.all(
      Array.from(
        { length: 6 },
        async () => (await new Visitor(edge).send("POST", "/session", { link })).status,
      ),
    );
    expect(statuses.toSorted()).toEqual([200, 401, 401, 401, 401, 401]);
  });
});

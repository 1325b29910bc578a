/** What a customer may change in the portal, what a session may not do, and how a change takes effect. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { admin, createAccount, customer, issueKey, newAddress, newUser } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { problemCode, problemOf } from "../fixtures/edge-problem.ts";
import { linkFor, PORTAL_POLICY, signedIn, Visitor } from "../fixtures/portal.ts";

const { billing } = PORTAL_POLICY;
interface Allowance {
  readonly included: number;
  readonly amount: number;
}

const READ_ONLY = { keys: false, budget: false, tier: false };

async function start(portal: object = { keys: true, tiers: ["free", "pro"] }): Promise<Edge> {
  return startEdge({ policy: { ...PORTAL_POLICY, billing: { currency: "USD", ...billing, portal } } });
}

async function statusesOf(edge: Edge, key: string, count: number): Promise<number[]> {
  const statuses: number[] = [];
  for (let i = 0; i < count; i++) {
    statuses.push((await edge.request("/identify", { headers: { "X-API-Key": key } })).status);
  }
  return statuses;
}

async function mayOf(visitor: Visitor): Promise<unknown> {
  const { may } = Object(await visitor.read("/session"));
  return may;
}

/** The author of the account's latest change, and what it was. */
async function lastChange(edge: Edge, user: string): Promise<string> {
  const response = await admin(edge, "GET", `/accounts/${user}/audit?limit=1`);
  const { entries } = await response.json<{ entries: { actor: string; action: string }[] }>();
  return entries.map(({ actor, action }) => `${actor} ${action}`).join();
}

describe("a budget that the customer sets", () => {
  it("stops requests exactly at it, at once, and its removal lets them go on", async () => {
    const edge = await start();
    const { user, key } = await customer(edge, { tier: "pro" });
    const visitor = await signedIn(edge, { link: await linkFor(edge, user) });
    expect(await statusesOf(edge, key, 2)).toEqual([200, 200]);
    const set = await visitor.send("PATCH", "/billing", { budget: "0.03" });
    // The period began with the account, so only a part of the five is included. A cent pays for each of the next.
    const { budget, allowance } = await set.json<{ budget: string; allowance: Allowance }>();
    expect(budget).toBe("0.03");
    expect(allowance).toMatchObject({
      used: 2,
      stop: "budget",
      amount: expect.closeTo(allowance.included + 3),
    });
    const left = Math.floor(allowance.amount) - 2;
    const expected = [...Array.from({ length: left }, () => 200), 429, 429];
    expect(await statusesOf(edge, key, left + 2)).toEqual(expected);
    const denied = await edge.request("/identify", { headers: { "X-API-Key": key } });
    expect(await problemCode(denied)).toBe("429 budget_reached");
    const { billing: spent } = Object(await visitor.read("/status"));
    expect(Number(spent.overage)).toBeLessThanOrEqual(0.03);
    await visitor.send("PATCH", "/billing", { budget: null });
    expect(await statusesOf(edge, key, 2)).toEqual([200, 200]);
    expect(await lastChange(edge, user)).toBe("portal:link billing.change");
  });

  it.each([
    {},
    { budget: "-1" },
    { budget: "-0" },
    { budget: 5 },
    { budget: "1", customer: {} },
    { budget: "1", reason: "x" },
  ])("is all that the customer may change of the billing: %j is 422", async (body) => {
    const edge = await start();
    const user = await createAccount(edge, { tier: "pro" });
    const visitor = await signedIn(edge, { link: await linkFor(edge, user) });
    expect((await visitor.send("PATCH", "/billing", body)).status).toBe(422);
  });
});

describe("a change of tier", () => {
  it("is the one that its preview shows, once for each Idempotency-Key, and names the portal as its author", async () => {
    const edge = await start();
    const user = await createAccount(edge, { tier: "free" });
    const visitor = await signedIn(edge, { link: await linkFor(edge, user) });
    const preview = await visitor.send("POST", "/tier/preview", { tier: "pro" });
    expect(await preview.json()).toMatchObject({ at: "now", next: { subtotal: "10.00" } });
    const once = { "Idempotency-Key": "upgrade-1" };
    for (let i = 0; i < 2; i++) {
      const changed = await visitor.send("POST", "/tier", { tier: "pro" }, once);
      expect(await changed.json()).toMatchObject({ at: "now", billing: { account: user, tier: "pro" } });
    }
    expect(await problemCode(await visitor.send("POST", "/tier", { tier: "free" }, once))).toBe(
      "422 idempotency_mismatch",
    );
    expect(await lastChange(edge, user)).toBe("portal:link account.change");
    expect(await visitor.read("/status")).toMatchObject({ tier: "pro" });
    // A lower base fee waits for the period's end.
    const down = await visitor.send("POST", "/tier", { tier: "free" });
    expect(await down.json()).toMatchObject({
      at: "period_end",
      billing: { tier: "pro", pendingTier: "free" },
    });
    expect(await visitor.read("/tiers")).toMatchObject({ current: "pro", pending: "free" });
  });

  it("is to one of the tiers that the portal offers, and none if it offers none", async () => {
    const edge = await start();
    const user = await createAccount(edge, { tier: "free" });
    const visitor = await signedIn(edge, { link: await linkFor(edge, user) });
    for (const path of ["/tier", "/tier/preview"]) {
      for (const tier of ["secret", "nothing"]) {
        const { status, errors } = await problemOf(await visitor.send("POST", path, { tier }));
        const message = `unknown tier "${tier}" (known: free, pro)`;
        expect([status, errors]).toEqual([422, [{ path: "/tier", message }]]);
      }
      expect((await visitor.send("POST", path, { tier: "pro", at: "now" })).status).toBe(422);
    }
    const without = await start({});
    const other = await signedIn(without, { link: await linkFor(without, user) });
    expect(await mayOf(other)).toEqual({ keys: false, budget: true, tier: false });
    expect(await problemCode(await other.send("POST", "/tier", { tier: "pro" }))).toBe("403 forbidden");
    expect(await other.read("/tiers")).toEqual({ current: "free", pending: null, tiers: [] });
  });
});

describe("keys", () => {
  it("that customers make work at once, and only call", async () => {
    const edge = await start();
    const { user, key, keyId } = await customer(edge);
    const visitor = await signedIn(edge, { key });
    const made = await visitor.send("POST", "/keys", { name: "mine" });
    const issued = await made.json<{ key: string; keyId: string }>();
    expect([made.status, issued]).toMatchObject([
      201,
      { name: "mine", scopes: ["call"], mode: "live", expiresAt: null },
    ]);
    expect(await statusesOf(edge, issued.key, 1)).toEqual([200]);
    expect(await lastChange(edge, user)).toBe(`portal:key:${keyId} key.create`);
    for (const body of [{ scopes: ["check"] }, { mode: "test" }, { expiresAt: "2100-01-01T00:00:00Z" }]) {
      expect((await visitor.send("POST", "/keys", body)).status).toBe(422);
    }
    const replaced = await visitor.send("POST", `/keys/${issued.keyId}/rotate`, { graceSeconds: 0 });
    const next = await replaced.json<{ key: string; keyId: string }>();
    expect(await statusesOf(edge, issued.key, 1)).toEqual([401]);
    expect(await statusesOf(edge, next.key, 1)).toEqual([200]);
    expect((await visitor.send("DELETE", `/keys/${next.keyId}`)).status).toBe(200);
    expect(await statusesOf(edge, next.key, 1)).toEqual([401]);
    // A customer who revokes their own key has signed themselves out.
    expect((await visitor.send("DELETE", `/keys/${keyId}`)).status).toBe(200);
    expect((await visitor.send("GET", "/session")).status).toBe(401);
  });

  it("with other scopes are not replaced here, whatever the session", async () => {
    const edge = await start();
    const { user, key } = await customer(edge);
    const service = await issueKey(edge, user, { scopes: ["call", "check"] });
    for (const proof of [{ key }, { key: service.key }, { link: await linkFor(edge, user) }]) {
      const visitor = await signedIn(edge, proof);
      const { status, detail } = await problemOf(
        await visitor.send("POST", `/keys/${service.keyId}/rotate`, {}),
      );
      expect([status, detail]).toEqual([403, expect.stringContaining("Ask the operator")]);
    }
  });

  it("are made once for each Idempotency-Key, of which no more than a digest is stored", async () => {
    const edge = await start();
    const { user, key } = await customer(edge);
    const visitor = await signedIn(edge, { key });
    const once = { "Idempotency-Key": "k".repeat(10_000) };
    expect((await visitor.send("POST", "/keys", {}, once)).status).toBe(201);
    expect(await problemCode(await visitor.send("POST", "/keys", {}, once))).toBe("409 conflict");
    expect(
      (await visitor.send("POST", "/keys", {}, { "Idempotency-Key": `${"k".repeat(9_999)}l` })).status,
    ).toBe(201);
    const stub = env.USER_LIMITER.getByName(`user:${user}`);
    const longest = await runInDurableObject(
      stub,
      (_object, { storage }) =>
        storage.sql.exec<{ length: number }>("SELECT max(length(call_id)) AS length FROM calls").one().length,
    );
    expect(longest).toBeLessThan(500);
  });

  it("are not managed if the policy does not say so", async () => {
    const edge = await start({ tiers: ["free"] });
    const { user, key, keyId } = await customer(edge);
    for (const proof of [{ key }, { link: await linkFor(edge, user) }]) {
      const visitor = await signedIn(edge, proof);
      expect(await mayOf(visitor)).toMatchObject({ keys: false });
      expect(await visitor.read("/keys")).toMatchObject({ keys: [{ keyId }] });
      for (const [method, path] of [
        ["POST", "/keys"],
        ["POST", `/keys/${keyId}/rotate`],
        ["DELETE", `/keys/${keyId}`],
      ] as const) {
        const body = method === "DELETE" ? undefined : {};
        expect(await problemCode(await visitor.send(method, path, body))).toBe("403 forbidden");
      }
    }
  });

  it.each<[string, object]>([
    ["a test key", { mode: "test" }],
    ["a key that expires", { expiresAt: "2099-01-01T00:00:00Z" }],
    ["a key that may not call the API", { scopes: ["check"] }],
  ])("are not managed with %s, which can read", async (_what, given) => {
    const edge = await start();
    const { user, keyId } = await customer(edge);
    const { key } = await issueKey(edge, user, given);
    const visitor = await signedIn(edge, { key });
    expect(await mayOf(visitor)).toEqual(READ_ONLY);
    expect(await visitor.read("/usage")).toMatchObject({ account: user });
    expect(await problemCode(await visitor.send("POST", "/keys", {}))).toBe("403 forbidden");
    expect(await problemCode(await visitor.send("DELETE", `/keys/${keyId}`))).toBe("403 forbidden");
  });

  it("are not managed with one that was replaced and still works for a while: it may have leaked", async () => {
    const edge = await start();
    const { user, key, keyId } = await customer(edge);
    const visitor = await signedIn(edge, { key });
    expect(await mayOf(visitor)).toMatchObject({ keys: true });
    await admin(edge, "POST", `/accounts/${user}/keys/${keyId}/rotate`, {});
    expect(await mayOf(visitor)).toEqual(READ_ONLY);
    expect(await problemCode(await visitor.send("POST", "/keys", {}))).toBe("403 forbidden");
  });
});

describe("a blocked account", () => {
  it("may sign in and read, and changes nothing", async () => {
    const edge = await start();
    const { user, key } = await customer(edge, { tier: "pro" });
    const earlier = await signedIn(edge, { link: await linkFor(edge, user) });
    await admin(edge, "PATCH", `/accounts/${user}`, { status: "blocked" });
    for (const visitor of [
      earlier,
      await signedIn(edge, { key }),
      await signedIn(edge, { link: await linkFor(edge, user) }),
    ]) {
      expect(await mayOf(visitor)).toEqual(READ_ONLY);
      expect(await visitor.read("/status")).toMatchObject({ status: "blocked" });
      expect(await problemCode(await visitor.send("POST", "/keys", {}))).toBe("403 blocked");
    }
    expect(await problemCode(await earlier.send("PATCH", "/billing", { budget: "1" }))).toBe("403 blocked");
    expect(await problemCode(await earlier.send("POST", "/tier", { tier: "free" }))).toBe("403 blocked");
  });
});

describe("signing in", () => {
  it("fails with a credential that is none, and with one whose account is gone", async () => {
    const edge = await start();
    const [gone, used] = [await customer(edge), await customer(edge)];
    const links = [await linkFor(edge, gone.user), await linkFor(edge, used.user)] as const;
    await signedIn(edge, { link: links[1] });
    const revoked = await issueKey(edge, used.user);
    await admin(edge, "DELETE", `/accounts/${used.user}/keys/${revoked.keyId}`);
    await admin(edge, "DELETE", `/accounts/${gone.user}`);
    for (const body of [
      { key: gone.key },
      { key: revoked.key },
      { key: `${used.key}x` },
      { key: "el_live_\n" },
      { key: "é" },
      { link: links[0] },
      { link: links[1] },
      { link: links[1].replace(used.user, gone.user) },
      { link: used.key },
      { key: links[1] },
    ]) {
      const response = await new Visitor(edge).send("POST", "/session", body);
      expect([body, await problemCode(response)]).toEqual([body, "401 invalid_credentials"]);
      expect(response.headers.get("Set-Cookie")).toBeNull();
    }
    const reused = await new Visitor(edge).send("POST", "/session", { link: links[1] });
    expect((await problemOf(reused)).detail).toBe(
      "This link has been used, and works once only. Ask for a new one.",
    );
    for (const body of [{}, { key: used.key, link: "x" }, { key: "" }, { key: "x".repeat(1_025) }]) {
      expect((await new Visitor(edge).send("POST", "/session", body)).status).toBe(422);
    }
  });

  it("is limited by address: after ten failures, a right key is rejected too, and from elsewhere it is not", async () => {
    const edge = await start();
    const { key } = await customer(edge);
    const address = newAddress();
    const attempt = async (given: string, from = address): Promise<number> =>
      (await new Visitor(edge).send("POST", "/session", { key: given }, from)).status;
    expect(await attempt(key)).toBe(200);
    const failures = await Promise.all(Array.from({ length: 10 }, () => attempt("el_live_wrong")));
    expect(failures).toEqual(Array.from({ length: 10 }, () => 401));
    expect(await attempt("el_live_wrong")).toBe(429);
    const limited = await new Visitor(edge).send("POST", "/session", { key }, address);
    expect([limited.status, limited.headers.has("Retry-After")]).toEqual([429, true]);
    expect(await attempt(key, newAddress())).toBe(200);
  });

  it("is not done by a page of another site", async () => {
    const edge = await start();
    const { key } = await customer(edge);
    const visitor = new Visitor(edge);
    const elsewhere = { "Sec-Fetch-Site": "cross-site" };
    expect(await problemCode(await visitor.send("POST", "/session", { key }, elsewhere))).toBe(
      "403 forbidden",
    );
    const own = await signedIn(edge, { key });
    expect(await problemCode(await own.send("DELETE", "/session", undefined, elsewhere))).toBe(
      "403 forbidden",
    );
    expect((await own.send("GET", "/session")).status).toBe(200);
  });
});

describe("calls of an account", () => {
  it("are limited, whatever the session, and those of another account are not", async () => {
    const edge = await start();
    const [busy, calm] = [await customer(edge), await customer(edge)];
    const visitor = await signedIn(edge, { key: busy.key });
    const statuses = await Promise.all(
      Array.from({ length: 330 }, async () => (await visitor.send("GET", "/session")).status),
    );
    expect(new Set(statuses)).toEqual(new Set([200, 429]));
    expect(statuses.filter((status) => status === 200).length).toBeGreaterThanOrEqual(300);
    expect((await (await signedIn(edge, { key: calm.key })).send("GET", "/session")).status).toBe(200);
  });
});

describe("an operator's link", () => {
  it("leads to the portal of this host, with the token in the fragment, and ends by itself", async () => {
    const edge = await start();
    const user = await createAccount(edge, { id: `ann/b?c#d%e;"${newUser()}` });
    const path = `/accounts/${encodeURIComponent(user)}/portal-sessions`;
    const response = await admin(edge, "POST", path, { minutes: 60 });
    const { account, url, expiresAt } = await response.json<{
      account: string;
      url: string;
      expiresAt: string;
    }>();
    expect(account).toBe(user);
    const { origin, pathname, search, hash } = new URL(url);
    expect([origin, pathname, search]).toEqual(["https://edge.test", "/portal", ""]);
    expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(3_500_000);
    const visitor = await signedIn(edge, { link: decodeURIComponent(hash.slice("#link=".length)) });
    expect(await visitor.read("/session")).toMatchObject({ account: user, kind: "link" });
  });

  it("ends with all sessions when an operator ends them; other accounts' sessions stay valid", async () => {
    const edge = await start();
    const [user, other] = [await createAccount(edge), await createAccount(edge)];
    const unused = await linkFor(edge, user);
    const visitors = [
      await signedIn(edge, { link: await linkFor(edge, user) }),
      await signedIn(edge, { key: (await issueKey(edge, user)).key }),
    ];
    const calm = await signedIn(edge, { link: await linkFor(edge, other) });
    const path = `/accounts/${user}/portal-sessions`;
    const ended = await admin(edge, "DELETE", `${path}?reason=stolen%20laptop`);
    expect(await ended.json()).toEqual({ account: user, links: 1, sessions: 2 });
    for (const visitor of visitors) expect((await visitor.send("GET", "/session")).status).toBe(401);
    expect((await new Visitor(edge).send("POST", "/session", { link: unused })).status).toBe(401);
    expect(await calm.read("/session")).toMatchObject({ account: other });
    expect(await (await admin(edge, "DELETE", path)).json()).toEqual({
      account: user,
      links: 0,
      sessions: 0,
    });
    const { entries } = await (
      await admin(edge, "GET", `/accounts/${user}/audit`)
    ).json<{ entries: object[] }>();
    const ends = entries.filter((entry) => "action" in entry && entry.action === "portal.end");
    expect(ends).toMatchObject([{ reason: "stolen laptop", before: { links: 1, sessions: 2 }, after: null }]);
    expect((await admin(edge, "DELETE", `/accounts/${newUser()}/portal-sessions`)).status).toBe(404);
  });

  it("is not made for an account that does not exist, or for longer than a day", async () => {
    const edge = await start();
    const user = await createAccount(edge);
    expect((await admin(edge, "POST", `/accounts/${newUser()}/portal-sessions`, {})).status).toBe(404);
    for (const minutes of [0, 1_441, 1.5, "5"]) {
      expect((await admin(edge, "POST", `/accounts/${user}/portal-sessions`, { minutes })).status).toBe(422);
    }
  });
});

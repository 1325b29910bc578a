/** /portal: the customers' page if the policy in force has a portal, and a path like any other if it has none. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../src/policy/compile.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { compileNew } from "../../src/api/policies/new-policy.ts";
import { createAccount, customer } from "../fixtures/edge-account.ts";
import { type Edge, publishPolicy, startEdge } from "../fixtures/edge-app.ts";
import { problemCode } from "../fixtures/edge-problem.ts";
import { linkFor, PORTAL_POLICY, portalAssets, signedIn, Visitor } from "../fixtures/portal.ts";

const WITHOUT_PORTAL: PolicyDocument = { ...PORTAL_POLICY, billing: { currency: "USD" } };

async function start(policy: PolicyDocument): Promise<Edge> {
  return startEdge({ policy, bindings: { ASSETS: portalAssets(env.ASSETS) } });
}

/** Spellings that the runtime or the gateway reads as a path of the portal. */
const SPELLINGS = [
  "/portal",
  "/portal/",
  "/portal/invoices",
  "/portal/a/b/c",
  "/%70ortal",
  "/%70ortal/keys",
  "/p%6Frtal/",
  "/portal/%2e%2e/portal/x",
  "/./portal",
  "/x/../portal",
  "/x/%2e%2e/portal/keys",
  "/portal?x=1",
  "/portal/assets/nothing.js",
];

describe("with a portal", () => {
  it("is the same page at every screen's path, and its files are cached by their names", async () => {
    const edge = await start(PORTAL_POLICY);
    for (const path of ["/portal", "/portal/", "/portal/usage", "/%70ortal", "/portal?x=1"]) {
      const response = await edge.request(path);
      expect([path, response.status, await response.text()]).toEqual([path, 200, "<title>Portal</title>"]);
      expect(response.headers.get("Cache-Control")).toBe("no-cache");
      expect(response.headers.get("Content-Security-Policy")).toContain("frame-ancestors 'none'");
      expect(response.headers.get("Content-Security-Policy")).toContain("default-src 'none'");
      expect(response.headers.get("X-Frame-Options")).toBe("DENY");
      expect(response.headers.get("Referrer-Policy")).toBe("no-referrer");
      expect(response.headers.get("Strict-Transport-Security")).toMatch(/^max-age=/);
      expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
    }
    const file = await edge.request("/portal/assets/main-0a1B2c3D.js");
    expect([file.status, file.headers.get("Cache-Control")]).toEqual([
      200,
      "public, max-age=31536000, immutable",
    ]);
    for (const path of [
      "/portal/Usage",
      "/portal/a/b",
      "/portal/assets/nothing.js",
      "/portal/assets/%2e%2e%2fx",
    ]) {
      expect([path, await problemCode(await edge.request(path))]).toEqual([path, "404 not_found"]);
    }
    expect(await problemCode(await edge.request("/portal", { method: "POST" }))).toBe(
      "405 method_not_allowed",
    );
  });

  it("is 404 until the page is built", async () => {
    const edge = await startEdge({ policy: PORTAL_POLICY, bindings: { ASSETS: portalAssets() } });
    expect(await problemCode(await edge.request("/portal/assets/later.js"))).toBe("404 not_found");
  });

  it.each(SPELLINGS)("no spelling reaches a route of the policy: %s", async (path) => {
    const edge = await start(PORTAL_POLICY);
    const { headers } = await customer(edge);
    for (const method of ["GET", "POST", "OPTIONS"])
      await edge.raw(`https://edge.test${path}`, { method, headers });
    expect(edge.forwarded.map(({ url }) => url)).toEqual([]);
  });

  it.each(["/portals", "/portal.html", "/portalx/y", "/x/portal", "/Portal"])(
    "leaves other paths to the policy's routes: %s",
    async (path) => {
      const edge = await start(PORTAL_POLICY);
      const { headers } = await customer(edge);
      expect([(await edge.request(path, { headers })).status, edge.forwarded.length]).toEqual([200, 1]);
    },
  );
});

describe("without a portal", () => {
  it.each(["/portal", "/portal/", "/portal/invoices", "/%70ortal/x", "/portal/assets/main-0a1B2c3D.js"])(
    "the policy's own routes have %s, as any other path",
    async (path) => {
      const edge = await start(WITHOUT_PORTAL);
      const { headers } = await customer(edge);
      const response = await edge.request(path, { headers });
      expect([response.status, await response.text(), edge.forwarded.length]).toEqual([200, "upstream", 1]);
      expect(response.headers.has("Strict-Transport-Security")).toBe(false);
    },
  );

  it("the portal's API answers 404, also to a session from before, and no link is made", async () => {
    const edge = await start(PORTAL_POLICY);
    const user = await createAccount(edge);
    const visitor = await signedIn(edge, { link: await linkFor(edge, user) });
    const { cookie } = visitor;
    await publishPolicy(WITHOUT_PORTAL);
    const later = await startEdge({ policy: null });
    const old = new Visitor(later, cookie);
    for (const [method, path, body] of [
      ["GET", "/session", undefined],
      ["DELETE", "/session", undefined],
      ["POST", "/session", { link: "x" }],
      ["GET", "/status", undefined],
      ["POST", "/tier", { tier: "pro" }],
    ] as const) {
      expect(await problemCode(await old.send(method, path, body))).toBe("404 not_found");
    }
    await expect(linkFor(later, user)).rejects.toThrow("This deployment has no portal.");
  });
});

describe("a new policy with a portal", () => {
  const faultsOf = (match: string, policy = PORTAL_POLICY): string[] => {
    const compiled = compileNew({ ...policy, routes: [{ match }, { match: "/*" }] }, { UPSTREAM: "x" });
    return compiled.ok ? [] : compiled.faults.map(({ path }) => path);
  };

  it("is rejected if a route lies under /portal, and the same document still compiles if it is stored", () => {
    for (const match of ["/portal", "/portal/*", "/portal/:x", "/portal/a/b"]) {
      expect([match, faultsOf(match)]).toEqual([match, ["/routes/0/match"]]);
      expect(faultsOf(match, WITHOUT_PORTAL)).toEqual([]);
      expect(compilePolicy({ ...PORTAL_POLICY, routes: [{ match }] }, 1).ok).toBe(true);
    }
    for (const match of ["/portals", "/:x", "/x/portal"])
      expect([match, faultsOf(match)]).toEqual([match, []]);
  });
});

/** The contract, the mounted routes and the document contain the same endpoints, and each endpoint enforces its access. */
import { describe, expect, it } from "vitest";
import { ADMIN_ACCESS } from "../../src/api/admin-access.ts";
import { ADMIN_ROUTES } from "../../src/api/admin-contract.ts";
import { api } from "../../src/api/api.ts";
import { callerApp } from "../../src/api/caller-app.ts";
import { PORTAL_ACCESS } from "../../src/api/portal/portal-access.ts";
import { PORTAL_ROUTES } from "../../src/api/portal/portal-contract.ts";
import { CONTRACT } from "../../src/api/contract.ts";
import type { Endpoint } from "../../src/api/endpoint.ts";
import { PROXY_CONTRACT } from "../../src/proxies/proxy-contract.ts";
import { templateOf } from "../../openapi/parameters.ts";
import { newAddress } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { PORTAL_POLICY, portalAssets } from "../fixtures/portal.ts";
import { problemCode } from "../fixtures/edge-problem.ts";
import { OPERATIONS } from "../fixtures/fuzz-document.ts";

const ENDPOINTS = Object.entries<Endpoint>(CONTRACT);
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
const PARAMETERS: Readonly<Record<string, string>> = {
  id: "acme",
  keyId: "7c49bc07-717d-4019-a06b-602410bbae61",
  n: "0",
  file: "page.css",
  asset: "icon.svg",
};

/** Paths of the portal are there only if the policy has one. */
async function startFor({ path }: Endpoint): Promise<Edge> {
  return path.includes("/portal") && !path.includes("/admin/")
    ? startEdge({ policy: PORTAL_POLICY, bindings: { ASSETS: portalAssets() } })
    : startEdge({ policy: null });
}

/** A path of the endpoint. */
function samplePath({ path }: Endpoint): string {
  return path.replaceAll(/:(\w+)/g, (_whole, name: string) => PARAMETERS[name] ?? name);
}

describe("the contract, the routes and the document", () => {
  const contract = ENDPOINTS.map(([, { method, path }]) => `${method} ${path}`).toSorted();
  const routes = async () => {
    const { services } = await startEdge({ policy: null });
    const notCalled = () => Promise.reject(new Error("not called"));
    const callers = callerApp(
      services,
      { admin: notCalled, portal: notCalled, proxies: notCalled },
      notCalled,
    );
    const portal = api(services, PORTAL_ROUTES, PORTAL_ACCESS, () => {});
    const proxies = api(services, PROXY_CONTRACT, { proxy: [] }, () => {});
    return [
      ...callers.routes,
      ...proxies.routes,
      ...portal.routes,
      ...api(services, ADMIN_ROUTES, ADMIN_ACCESS, () => {}).routes,
    ];
  };

  it("name the same endpoints", async () => {
    const mounted = (await routes())
      .filter(({ method }) => method !== "ALL" && method !== "OPTIONS")
      .map(({ method, path }) => `${method} ${path.replace(/\{\.\+\\(\.\w+)\}$/, "$1")}`);
    expect([...new Set(mounted)].toSorted()).toEqual(contract);
    const documented = OPERATIONS.map(({ method, path }) => `${method} ${path}`);
    expect(documented.toSorted()).toEqual(
      ENDPOINTS.map(([, { method, path }]) => `${method} ${templateOf(path)}`).toSorted(),
    );
    expect(new Set(contract).size).toBe(contract.length);
  });

  it("use the same operation ids, each once", () => {
    expect(OPERATIONS.map(({ id }) => id).toSorted()).toEqual(ENDPOINTS.map(([id]) => id).toSorted());
  });

  it("answer CORS preflights and no other OPTIONS", async () => {
    const preflights = (await routes()).filter(({ method }) => method === "OPTIONS");
    const callers = ENDPOINTS.filter(([, { access }]) => access === "caller").map(([, { path }]) => path);
    expect([...new Set(preflights.map(({ path }) => path))]).toEqual(callers);
  });
});

describe.each(ENDPOINTS)("%s", (id, endpoint) => {
  const path = samplePath(endpoint);
  // A path like `/accounts/import` is also one of `/accounts/:id`.
  const siblings = ENDPOINTS.filter(([, other]) =>
    new RegExp(`^${other.path.replaceAll(/:\w+(?=\/|$)/g, "[^/]+")}$`).test(endpoint.path),
  );
  const taken = [
    ...new Set(siblings.flatMap(([, { method }]) => (method === "GET" ? ["GET", "HEAD"] : [method]))),
  ];

  it("answers its method, and requires a credential if its access says so", async () => {
    const edge = await startFor(endpoint);
    const { method, access } = endpoint;
    const response = await edge.request(path, { method, headers: newAddress() });
    expect([404, 405]).not.toContain(response.status);
    const ways = OPERATIONS.find((operation) => operation.id === id)?.security;
    const isOpen = access === "none" || access === "caller";
    expect(ways?.length === 0 || ways?.some((way) => way.length === 0)).toBe(isOpen);
    // A proxy's own key: no fault of its client, who would take a 401 for one.
    const code = access === "proxy" ? "403 invalid_proxy_key" : "401 invalid_credentials";
    if (!isOpen) expect(await problemCode(response)).toBe(code);
    await edge.backgroundDone();
  });

  it.skipIf(endpoint.isTree)("is 405 for other methods, and lists its own", async () => {
    const edge = await startFor(endpoint);
    for (const method of METHODS.filter((other) => !taken.includes(other))) {
      const response = await edge.request(path, { method, headers: newAddress() });
      expect([method, response.status]).toEqual([method, 405]);
      expect(response.headers.get("Allow")?.split(", ").toSorted()).toEqual(taken.toSorted());
    }
  });
});

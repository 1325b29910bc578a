/** Pools of a new policy: what is wrong with them, what is doubtful, and what compiles. */
import { describe, expect, it } from "vitest";
import { compilePolicy, type Policy } from "../../src/policy/compile.ts";
import { poolFaults, poolWarnings } from "../../src/policy/pool-faults.ts";
import { withPool } from "../fixtures/edge-faulty-policies.ts";

function policyOf(document: object): Policy {
  const compiled = compilePolicy(document, 1);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return compiled.value;
}

const isService = (name: string): boolean => name === "BACKUP";
const faults = (pool: object) => poolFaults(policyOf(withPool(pool)), isService).map(({ path }) => path);
const targets = (...urls: string[]) => ({ targets: urls.map((url) => ({ url })) });

describe("a pool of a new policy", () => {
  it("may have everything that docs/pools.md shows", () => {
    const pool = {
      targets: [{ url: "https://a.example", weight: 3 }, { url: "service:BACKUP" }],
      balance: "round-robin",
      retry: { attempts: 2, on: ["connect", "timeout", 502, 503, 504], budget: 0.2, tryTimeoutMs: 2_000 },
      eject: { failures: 5, forMs: 10_000 },
      probe: { path: "/health", timeoutMs: 2_000 },
    };
    expect(faults(pool)).toEqual([]);
    const policy = policyOf(withPool(pool));
    expect(policy.routes.all[0]?.pool).toEqual({ name: "api", document: pool });
    expect(policy.routes.all[0]?.pool).toBe(policy.pools.get("pool:api"));
  });

  it.each([
    ["a missing binding", targets("service:NOWHERE", "https://a.example"), "/targets/0/url"],
    ["an address at which nothing can answer", targets("https://a.example", "http://h:0/"), "/targets/1/url"],
    [
      "a target twice",
      targets("https://a.example", "https://b.example", "https://a.example"),
      "/targets/2/url",
    ],
    [
      "a target twice, in other words",
      targets("https://a.example", "https://A.example:443/"),
      "/targets/1/url",
    ],
    ["a service twice", targets("service:BACKUP", "service:BACKUP"), "/targets/1/url"],
    ["a deadline of tries that nothing follows", { retry: { tryTimeoutMs: 100 } }, "/retry/tryTimeoutMs"],
    [
      "a registry at which nothing can answer",
      { targets: undefined, discover: { url: "https://consul..example/v1?x=1", format: "consul" } },
      "/discover/url",
    ],
  ])("has a fault at %s", (_what, pool, path) => {
    expect(faults(pool)).toEqual([`/upstreams/api${path}`]);
  });

  it("may have the same host with other paths", () => {
    expect(faults(targets("https://a.example/v1", "https://a.example/v2"))).toEqual([]);
  });

  it("gets a warning for private targets, for this gateway's own host, and if no route uses it", () => {
    const doubtful = withPool(targets("http://10.0.0.1", "https://edge.test/v2", "https://a.example"));
    const warnings = (document: object) =>
      poolWarnings(policyOf(document), "edge.test").map(({ path }) => path);
    expect(warnings(doubtful)).toEqual(["/upstreams/api/targets/0/url", "/upstreams/api/targets/1/url"]);
    expect(warnings({ ...withPool({}), routes: [] })).toEqual(["/upstreams/api"]);
    expect(warnings(withPool({}))).toEqual([]);
  });
});

/** `ANALYTICS_IP`: what points, reports, the list of addresses and the log show of callers' addresses, while limits count by all of it. */
import { afterEach, describe, expect, it, vi } from "vitest";
import { admin } from "../fixtures/edge-account.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";

/** Of this file alone: all tests share the hub. */
const [ONE, OTHER] = ["100.77.13.5", "100.77.13.6"];

afterEach(() => vi.restoreAllMocks());

async function edgeShowing(detail: string): Promise<Edge> {
  return startEdge({ variables: { ANALYTICS_IP: detail, LOG_LEVEL: "debug" } });
}

const from = (address: string) => ({ headers: { "CF-Connecting-IP": address } });

async function requestsOf(edge: Edge, account: string): Promise<number> {
  const response = await admin(edge, "GET", `/reports/user?account=${encodeURIComponent(account)}`);
  const report: { totals: { requests: number } } = await response.json();
  return report.totals.requests;
}

describe("addresses are shown", () => {
  it("by their prefix unless the deployment says otherwise; an address is looked up by its prefix", async () => {
    const lines = vi.spyOn(console, "debug").mockReturnValue();
    const edge = await edgeShowing("");
    for (const address of [ONE, ONE, OTHER]) await edge.request("/identify", from(address));
    await edge.backgroundDone();
    for (const account of ["ip:100.77.13.0/24", `ip:${ONE}`, `ip:${OTHER}`]) {
      expect(await requestsOf(edge, account), account).toBe(3);
    }
    const users = await admin(edge, "GET", "/users?kind=address&search=100.77.13");
    expect(await users.json()).toMatchObject({ users: [{ id: "100.77.13.0/24", usage: { requests: 3 } }] });
    const logged = lines.mock.calls.join("\n");
    expect(logged).toContain("ip:100.77.13.0/24");
    expect(logged).not.toContain(ONE);
  });

  it("not at all, if it says so", async () => {
    const edge = await edgeShowing("none");
    const before = await requestsOf(edge, "ip:*");
    await edge.request("/identify", from("100.78.1.1"));
    await edge.backgroundDone();
    expect(await requestsOf(edge, "ip:*")).toBe(before + 1);
    const full = await edgeShowing("full");
    expect(await requestsOf(full, "ip:100.78.1.1")).toBe(0);
  });

  it("in full, if it says so", async () => {
    const edge = await edgeShowing("full");
    await edge.request("/identify", from("100.79.1.1"));
    await edge.backgroundDone();
    expect(await requestsOf(edge, "ip:100.79.1.1")).toBe(1);
    expect(await requestsOf(edge, "ip:100.79.1.0/24")).toBe(0);
  });
});

it.each(["prefix", "none"])("addresses are limited one by one, if %s of them is shown", async (detail) => {
  const edge = await edgeShowing(detail);
  const [one, other] = detail === "none" ? ["100.80.1.1", "100.80.1.2"] : ["100.81.1.1", "100.81.1.2"];
  const statuses: number[] = [];
  for (let i = 0; i < 4; i++) statuses.push((await edge.request("/identify", from(one))).status);
  expect(statuses).toEqual([200, 200, 200, 429]);
  expect((await edge.request("/identify", from(other))).status).toBe(200);
});

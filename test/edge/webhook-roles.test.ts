/** Webhooks: which role each operation needs, and the warning of a new endpoint if the policy in force does not report its kinds. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import { ADMIN_CONTRACT } from "../../src/api/admin-contract.ts";
import type { Endpoint } from "../../src/api/endpoint.ts";
import { ROLES, type Role } from "../../src/identity/admin/role.ts";
import { admin, newAddress } from "../fixtures/edge-account.ts";
import { tokenEntry } from "../fixtures/edge-admin.ts";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { policyOfTier } from "../fixtures/edge-policy.ts";
import { problemCode } from "../fixtures/edge-problem.ts";

const tokenOf = (role: Role): string => `the-token-of-${role}`;
const URL_OF_HOOK = "https://hooks.example.com/";
const newEndpoint = { url: URL_OF_HOOK, events: ["account.created", "key.created"] };
const madeSchema = z.object({ id: z.string(), warning: z.nullable(z.string()) });

let edge: Edge;
/** Endpoints that a test has made. */
let made: string[];

beforeEach(async () => {
  made = [];
  vi.stubGlobal("fetch", async () => new Response(null, { status: 204 }));
  const entries = await Promise.all(ROLES.map((role) => tokenEntry(role, role, tokenOf(role))));
  edge = await startEdge({ variables: { ADMIN_TOKENS: JSON.stringify(entries) } });
});
afterEach(async () => {
  for (const id of made) await admin(edge, "DELETE", `/webhooks/${id}`);
  vi.unstubAllGlobals();
});

async function add(input: object = newEndpoint): Promise<z.infer<typeof madeSchema>> {
  const response = await admin(edge, "POST", "/webhooks", input);
  expect(response.status).toBe(201);
  const endpoint = madeSchema.parse(await response.json());
  made.push(endpoint.id);
  return endpoint;
}

function send(role: Role, method: string, path: string, body?: object): Promise<Response> {
  return edge.request(`/api/v1/admin${path}`, {
    method,
    headers: { Authorization: `Bearer ${tokenOf(role)}`, ...newAddress() },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
}

type Row = [
  operation: string,
  method: string,
  path: string,
  body: object | undefined,
  needed: Role,
  status: number,
];

const TABLE: readonly Row[] = [
  ["listWebhooks", "GET", "", undefined, "viewer", 200],
  ["getWebhookAudit", "GET", "/audit", undefined, "viewer", 200],
  ["getWebhook", "GET", "/ID", undefined, "viewer", 200],
  ["listDeliveries", "GET", "/ID/deliveries", undefined, "viewer", 200],
  ["testWebhook", "POST", "/ID/test", undefined, "operator", 200],
  // It has no such event.
  ["replayDelivery", "POST", "/ID/deliveries/evt_x/replay", {}, "operator", 404],
  ["replayDead", "POST", "/ID/replay-dead", {}, "operator", 200],
  ["createWebhook", "POST", "", newEndpoint, "admin", 201],
  ["changeWebhook", "PATCH", "/ID", { enabled: false }, "admin", 200],
  ["rotateWebhook", "POST", "/ID/rotate", {}, "admin", 200],
  ["deleteWebhook", "DELETE", "/ID", undefined, "admin", 204],
];

describe("the roles of webhooks", () => {
  it("are in this table, with each operation", () => {
    const operations = Object.entries<Endpoint>(ADMIN_CONTRACT).flatMap(([id, { path }]) =>
      path.includes("/webhooks") ? id : [],
    );
    expect(TABLE.map(([operation]) => operation).toSorted()).toEqual(operations.toSorted());
  });

  const cases = TABLE.flatMap(([operation, method, path, body, needed, status]) =>
    ROLES.map((role) => {
      const isAllowed = ROLES.indexOf(role) >= ROLES.indexOf(needed);
      return { operation, role, method, path, body, status: isAllowed ? status : 403, isAllowed };
    }),
  );

  it.each(cases)(
    "$operation by a $role: $status",
    async ({ role, method, path, body, status, isAllowed }) => {
      const { id } = await add();
      const before = await (await admin(edge, "GET", "/webhooks")).json();
      const response = await send(role, method, `/webhooks${path.replace("ID", id)}`, body);
      expect(response.status).toBe(status);
      if (isAllowed) {
        const created = madeSchema.safeParse(status === 201 ? await response.json() : null);
        if (created.success) made.push(created.data.id);
        return;
      }
      expect(await problemCode(response)).toBe("403 forbidden");
      expect(await (await admin(edge, "GET", "/webhooks")).json()).toEqual(before);
    },
  );
});

describe("a new endpoint", () => {
  it.each([
    ["without events in the policy", undefined, newEndpoint, /reports no events, so nothing is sent/],
    ["without events in the policy, of all kinds", undefined, { url: URL_OF_HOOK }, /reports no events/],
    [
      "with other kinds",
      ["limit.denied" as const],
      newEndpoint,
      /does not report account.created, key.created:/,
    ],
    ["with some kinds", ["account.created" as const], newEndpoint, /does not report key.created:/],
    ["with its kinds", ["account.created" as const, "key.created" as const], newEndpoint, null],
    ["with any kind, of all kinds", ["limit.denied" as const], { url: URL_OF_HOOK }, null],
  ])("warns if the policy in force does not report its kinds: %s", async (_what, events, input, warning) => {
    edge = await startEdge({ policy: { ...policyOfTier({ limits: [] }), events } });
    const endpoint = await add(input);
    if (warning === null) expect(endpoint.warning).toBeNull();
    else expect(endpoint.warning).toMatch(warning);
  });
});

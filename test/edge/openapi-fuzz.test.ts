/**
 * A fuzzer that knows only docs/openapi.json: whatever it sends to an operation, the response is one that the document describes, and
 * never a 500.
 */
import { env } from "cloudflare:workers";
import fc from "fast-check";
import { beforeAll, describe, expect, inject, it } from "vitest";
import * as z from "zod/mini";
import embedded from "../../policy/default.json";
import { admin, createAccount, issueKey } from "../fixtures/edge-account.ts";
import { linkFor, portalAssets, signedIn } from "../fixtures/portal.ts";
import type { FuzzContext } from "../fixtures/fuzz-context.ts";
import { ADMIN_TOKEN, type Edge, startEdge } from "../fixtures/edge-app.ts";
import { conformanceFaults, operationAt, strayFaults } from "../fixtures/fuzz-conformance.ts";
import { OPERATIONS } from "../fixtures/fuzz-document.ts";
import { type FuzzRequest, requestsTo, type Setting } from "../fixtures/fuzz-requests.ts";

/** The same requests every time; another seed finds others. A failure prints the seed and the smallest failing request. */
const SEED: FuzzContext["fuzzSeed"] = inject("fuzzSeed");
/** 1 in `npm test`, more in `npm run test:fuzz`. */
const TIMES: FuzzContext["fuzzTimes"] = inject("fuzzTimes");
/** Requests to each operation. */
const RUNS = 40;
/** A rebuild calls every account's object; a login, a tier, or the id of a key, grant or credit, is rarely right. */
const OTHER_RUNS: Readonly<Record<string, number>> = {
  rebuildDirectory: 15,
  createSession: 300,
  rotateKey: 100,
  revokeKey: 100,
  revokeGrant: 100,
  removeCredit: 100,
  createPortalSession: 100,
  previewPortalTier: 100,
  changePortalTier: 100,
  rotatePortalKey: 100,
  revokePortalKey: 100,
};

/** Accounts come and go while the fuzzer runs. These ids are tried more often than others. */
const USERS = ["acme", "bob@example.com", "auth0|5f7c", "a/b?c#d%e", "~".repeat(200)];

const bodies: Record<string, unknown> = {
  createSession: { token: ADMIN_TOKEN },
  adjustInvoice: { lines: [{ description: "setup", amount: "10" }] },
  createCreditNote: { lines: [{ line: 0, amount: "0.01" }], reason: "outage" },
};

let edge: Edge;
let known: Setting["known"] = {};
let credentials: Setting["credentials"] = {};

beforeAll(async () => {
  edge = await startEdge({ policy: null, bindings: { ASSETS: portalAssets(env.ASSETS) } });
  const service = await createAccount(edge, { id: "service", tier: "partner" });
  const { key } = await issueKey(edge, service, { scopes: ["call", "check"] });
  const login = await edge.request("/api/v1/admin/session", {
    method: "POST",
    body: JSON.stringify({ token: ADMIN_TOKEN }),
  });
  const session = login.headers.get("Set-Cookie")?.split(";")[0] ?? "";
  credentials = {
    apiKey: key,
    proxyKey: key,
    bearer: `Bearer ${key}`,
    adminToken: `Bearer ${ADMIN_TOKEN}`,
    session,
  };
  bodies["createPortalSession"] = { key };
});

/** Restores a policy with billing and the accounts, whatever the previous operation has done to them. */
async function restore(hasInvoices: boolean): Promise<void> {
  const document = {
    ...embedded,
    billing: { currency: "USD", portal: { keys: true, tiers: ["free", "pro"] } },
  };
  const put = await edge.request("/api/v1/admin/policy", {
    method: "PUT",
    headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, "If-Match": "*" },
    body: JSON.stringify({ document, force: true }),
  });
  expect(put.status).toBe(200);
  // Otherwise it soon has all the keys that an account may have.
  await admin(edge, "DELETE", "/accounts/acme");
  for (const id of USERS) await admin(edge, "POST", "/accounts", { id, tier: "pro" });
  const keys = await Promise.all(
    [0, 1, 2, 3].map(async () => admin(edge, "POST", "/accounts/acme/keys", {})),
  );
  // Ends with the account.
  const visitor = await signedIn(edge, { link: await linkFor(edge, "acme") });
  credentials = { ...credentials, portalSession: visitor.cookie };
  const keyIds = await Promise.all(keys.map(async (issued) => keyIdOf(await issued.json())));
  const invoices = hasInvoices ? await invoiceIdsOf("acme") : [];
  known = {
    id: USERS,
    keyId: keyIds,
    grantId: await grantIdsOf("acme"),
    creditId: [await creditIdOf("acme")],
    invoice: invoices,
    // The account has none before it is deleted for the first time.
    link: await Promise.all(invoices.filter(Boolean).map(async (invoice) => linkTo("acme", invoice))),
    n: ["0", "1", "2"],
    file: ["page.css", "page.js", "LICENSE.txt"],
    asset: ["icon.svg"],
  };
}

async function creditIdOf(user: string): Promise<string> {
  const credit = { kind: "paid", amount: "1", source: crypto.randomUUID() };
  const given = await admin(edge, "POST", `/accounts/${user}/credits`, credit);
  const { id } = z.object({ id: z.string() }).parse(await given.json());
  return id;
}

/** Ids of an issued invoice and of a draft: of the periods that the deletion of the account has ended. */
async function invoiceIdsOf(user: string): Promise<string[]> {
  const listed = await admin(edge, "GET", `/accounts/${user}/invoices`);
  const schema = z.object({ invoices: z.array(z.object({ id: z.string() })) });
  const [draft = "", issued = ""] = schema.parse(await listed.json()).invoices.map(({ id }) => id);
  for (const id of [issued, draft]) {
    await admin(edge, "POST", `/accounts/${user}/invoices/${id}/adjustments`, bodies.adjustInvoice);
  }
  await admin(edge, "POST", `/accounts/${user}/invoices/${issued}/finalize`, {});
  return [issued, draft];
}

/** The token of a link to an invoice. */
async function linkTo(user: string, invoice: string): Promise<string> {
  const made = await admin(edge, "POST", `/accounts/${user}/invoices/${invoice}/links`, {});
  const { html } = z.object({ html: z.string() }).parse(await made.json());
  return /([^/]+)\.html$/.exec(html)?.[1] ?? "";
}

async function send({ path, method, headers, body }: FuzzRequest): Promise<Response> {
  return edge.request(path, { method, headers: headers.map(([name, value]) => [name, value]), body });
}

/**
 * The status that shows that the fuzzer was authorized, if it is not the first documented one: no random request names a reservation or an
 * endpoint of webhooks, few erase, and the product is here without Stripe.
 */
const AUTHORIZED: Readonly<Record<string, number>> = {
  settle: 404,
  deleteAccount: 204,
  receiveStripeEvent: 503,
  sendInvoiceToStripe: 409,
  getWebhook: 404,
  changeWebhook: 404,
  deleteWebhook: 404,
  rotateWebhook: 404,
  testWebhook: 404,
  listDeliveries: 404,
  replayDelivery: 404,
  replayDead: 404,
};

describe.each(OPERATIONS.map((operation) => [operation.id, operation] as const))("%s", (id, operation) => {
  it("responds as documented, whatever it receives", { timeout: 120_000 * Math.max(1, TIMES) }, async () => {
    const isOfInvoice = /\{(invoice|link)\}/.test(operation.path);
    await restore(isOfInvoice);
    const seen = new Set<number>();
    // Only acme has invoices.
    const named = isOfInvoice ? { ...known, id: ["acme"] } : known;
    const property = fc.asyncProperty(
      requestsTo(operation, { credentials, known: named, bodies }),
      async (request) => {
        const response = await send(request);
        const reached = operationAt(request.method, request.path);
        const faults = await (reached ? conformanceFaults(reached, response) : strayFaults(response));
        await edge.backgroundDone();
        if (response.webSocket) {
          response.webSocket.accept();
          response.webSocket.close();
        }
        expect(faults).toEqual([]);
        if (reached === operation) seen.add(response.status);
      },
    );
    await fc.assert(property, { seed: SEED, numRuns: Math.ceil(TIMES * (OTHER_RUNS[id] ?? RUNS)) });
    // Otherwise the fuzzer was never authorized. A part of the usual number is too few to tell: CI also runs the whole.
    const usual = AUTHORIZED[id] ?? [...operation.answers.keys()][0];
    if (TIMES >= 1) expect([...seen]).toContain(usual);
  });
});

describe("the fuzzer", () => {
  const operation = OPERATIONS.find(({ id }) => id === "getSession");
  const session = { name: "a", role: "viewer", expiresAt: null };
  const answer = (body: string, status = 200, type = "application/json"): Response =>
    new Response(body, {
      status,
      headers: { "Content-Type": type, "Cache-Control": "no-store", "X-Request-Id": "r" },
    });
  const json = (body: object): Response => answer(JSON.stringify(body));

  it.each<[string, Response, boolean]>([
    ["a documented response", json(session), true],
    ["a missing header", Response.json(session), false],
    ["an undocumented status", answer(JSON.stringify(session), 202), false],
    ["an internal error", answer("Error", 500), false],
    ["another media type", answer(JSON.stringify(session), 200, "text/plain"), false],
    ["a body that is not JSON", answer("{"), false],
    ["an additional field", json({ ...session, secret: 1 }), false],
    ["a missing field", json({ name: "a", role: "viewer" }), false],
    ["a value outside its enum", json({ ...session, role: "root" }), false],
    ["an invalid problem", answer("{}", 401, "application/problem+json"), false],
  ])("recognizes %s", async (_what, response, conforms) => {
    if (!operation) throw new Error("there is no getSession");
    expect((await conformanceFaults(operation, response)).length === 0).toBe(conforms);
  });
});

describe("a fuzzed product", () => {
  it("still works", async () => {
    expect((await admin(edge, "GET", "/policy")).status).toBe(200);
    expect((await edge.request("/ready")).status).toBe(200);
  });
});

/** Null if the account already has the maximum number of keys. */
function keyIdOf(answer: unknown): string {
  const { keyId }: { keyId?: unknown } = { ...Object(answer) };
  return String(keyId);
}

/** The grants in force, after one more if there is room. */
async function grantIdsOf(id: string): Promise<string[]> {
  const until = new Date(Date.now() + 3_600_000).toISOString();
  await admin(edge, "POST", `/accounts/${id}/grants`, { limit: "minute", amount: 1, until });
  const account = await admin(edge, "GET", `/accounts/${id}`);
  const { grants }: { grants: { grantId: string }[] } = await account.json();
  return grants.map(({ grantId }) => grantId);
}

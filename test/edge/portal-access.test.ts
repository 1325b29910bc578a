/** Every operation of the portal's API with every credential: who may do what, and nobody sees another account. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { beforeAll, describe, expect, it } from "vitest";
import type { Endpoint } from "../../src/api/endpoint.ts";
import { PORTAL_CONTRACT } from "../../src/api/portal/portal-contract.ts";
import { admin, issueKey, newAddress, newUser } from "../fixtures/edge-account.ts";
import { ADMIN_TOKEN, type Edge, startEdge } from "../fixtures/edge-app.ts";
import { problemOf } from "../fixtures/edge-problem.ts";
import { linkFor, PORTAL_POLICY, portalAssets, signedIn, Visitor } from "../fixtures/portal.ts";

type Headers = Readonly<Record<string, string>>;

/** An account with traffic, an issued invoice and keys. All its texts contain its marker. */
interface Party {
  readonly user: string;
  readonly marker: string;
  readonly key: string;
  readonly keyId: string;
  /** To be replaced and revoked. */
  readonly spareId: string;
  readonly invoice: string;
}

let edge: Edge;
let a: Party;
let b: Party;
const credentials = new Map<string, Headers>();

async function newParty(letter: "a" | "b"): Promise<Party> {
  const marker = `marker-of-${letter}`;
  const user = `${marker}-${newUser()}`;
  const account = { id: user, name: `Company ${marker}`, tier: "pro" };
  await admin(edge, "POST", "/accounts", account);
  await admin(edge, "PATCH", `/accounts/${user}/billing`, { customer: { name: `Customer ${marker}` } });
  const first = await issueKey(edge, user);
  for (let i = 0; i < 8; i++) {
    const headers = { "X-API-Key": first.key };
    expect((await edge.request(`/of-${letter}/x`, { headers })).status).toBe(200);
  }
  // A deletion ends the billing period; the account comes back with its invoice.
  await admin(edge, "DELETE", `/accounts/${user}`);
  const { invoices } = await (
    await admin(edge, "GET", `/accounts/${user}/invoices`)
  ).json<{
    invoices: { id: string }[];
  }>();
  const invoice = invoices[0]?.id ?? "";
  await admin(edge, "POST", `/accounts/${user}/invoices/${invoice}/finalize`, {});
  expect((await admin(edge, "POST", "/accounts", account)).status).toBe(201);
  const { key, keyId } = await issueKey(edge, user, { name: `Key ${marker}` });
  const spare = await issueKey(edge, user, { name: `Spare ${marker}` });
  return { user, marker, key, keyId, spareId: spare.keyId, invoice };
}

function inObject<T>(user: string, run: (sql: SqlStorage) => T): Promise<T> {
  const stub = env.USER_LIMITER.getByName(`user:${user}`);
  return runInDurableObject(stub, (_object, { storage }) => run(storage.sql));
}

/** Lets a link or a session expire: its time has passed. */
async function expire(user: string, credential: string): Promise<void> {
  const id = decodeURIComponent(credential).slice(0, 11);
  const change = "UPDATE portal_sessions SET expires_ms = 1 WHERE id = ?";
  expect(await inObject(user, (sql) => sql.exec(change, id).rowsWritten)).toBe(1);
}

const NAME = "__Secure-el_portal";
const valueOf = (cookie: string): string => cookie.slice(NAME.length + 1);
const withCookie = (value: string): Headers => ({ Cookie: `${NAME}=${value}` });

beforeAll(async () => {
  edge = await startEdge({ policy: PORTAL_POLICY, bindings: { ASSETS: portalAssets(env.ASSETS) } });
  [a, b] = [await newParty("a"), await newParty("b")];

  credentials.set("none", {});
  const ended = await signedIn(edge, { key: a.key });
  const copy = ended.cookie;
  await ended.send("DELETE", "/session");
  credentials.set("a session that was signed out", { Cookie: copy });

  const expired = await signedIn(edge, { link: await linkFor(edge, a.user) });
  await expire(a.user, valueOf(expired.cookie));
  credentials.set("a session that has expired", { Cookie: expired.cookie });

  const revoked = await issueKey(edge, a.user);
  const { cookie: ofRevoked } = await signedIn(edge, { key: revoked.key });
  await admin(edge, "DELETE", `/accounts/${a.user}/keys/${revoked.keyId}`);
  credentials.set("a session whose key was revoked", { Cookie: ofRevoked });

  const ending = await issueKey(edge, a.user, { expiresAt: new Date(Date.now() + 1_500).toISOString() });
  const { cookie: ofEnded } = await signedIn(edge, { key: ending.key });
  // Not scheduler.wait, which the edge cuts short.
  await new Promise((resolve) => setTimeout(resolve, 1_600));
  credentials.set("a session whose key has expired", { Cookie: ofEnded });

  const link = await linkFor(edge, a.user);
  credentials.set("the token of a link", withCookie(encodeURIComponent(link)));
  credentials.set("an admin token", { Authorization: `Bearer ${ADMIN_TOKEN}` });
  credentials.set("an admin token as a cookie", withCookie(ADMIN_TOKEN));
  const login = await edge.request("/api/v1/admin/session", {
    method: "POST",
    headers: newAddress(),
    body: JSON.stringify({ token: ADMIN_TOKEN }),
  });
  const adminCookie = login.headers.get("Set-Cookie")?.split(";")[0] ?? "";
  credentials.set("an admin's cookie", { Cookie: adminCookie });
  credentials.set("an admin's session by the portal's name", withCookie(adminCookie.split("=")[1] ?? ""));
  credentials.set("a key as a bearer token", { Authorization: `Bearer ${a.key}` });
  credentials.set("a key in its header", { "X-API-Key": a.key });
  credentials.set("a key as a cookie", withCookie(a.key));

  const own = decodeURIComponent(valueOf((await signedIn(edge, { key: a.key })).cookie));
  const foreign = decodeURIComponent(
    valueOf((await signedIn(edge, { link: await linkFor(edge, b.user) })).cookie),
  );
  credentials.set("B's secret with A's id", withCookie(`${foreign.slice(0, 54)}.${a.user}`));
  credentials.set(
    "B's secret in A's session",
    withCookie(`${own.slice(0, 11)}${foreign.slice(11, 54)}.${a.user}`),
  );
  credentials.set(
    "a session with another secret",
    withCookie(`${own.slice(0, 11)}${"A".repeat(43)}.${a.user}`),
  );
  credentials.set("a session without the prefix of its name", { Cookie: `el_portal=${own}` });
  credentials.set("an account that does not exist", withCookie(`${own.slice(0, 54)}.${newUser()}`));
  credentials.set("a text that is none", withCookie("x.y"));
}, 60_000);

interface Operation {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** Its status with a session that began with a key, and with a link. */
  readonly key: number;
  readonly link: number;
}

/** Every operation that needs a session, as a party uses it. */
function operations({ invoice, spareId }: Party): Record<string, Operation> {
  const read = (path: string): Operation => ({ method: "GET", path, key: 200, link: 200 });
  return {
    getPortalSession: read("/session"),
    getPortalStatus: read("/status"),
    getPortalUsage: read("/usage?group=route"),
    getPortalBilling: read("/billing"),
    listPortalTiers: read("/tiers"),
    listPortalInvoices: read("/invoices"),
    getPortalDocumentPage: read(`/invoices/${invoice}.html`),
    getPortalDocumentPdf: read(`/invoices/${invoice}.pdf`),
    getPortalDocumentCsv: read(`/invoices/${invoice}.csv`),
    listPortalKeys: read("/keys"),
    changePortalBudget: { method: "PATCH", path: "/billing", body: { budget: "1.00" }, key: 403, link: 200 },
    previewPortalTier: { method: "POST", path: "/tier/preview", body: { tier: "free" }, key: 403, link: 200 },
    changePortalTier: { method: "POST", path: "/tier", body: { tier: "pro" }, key: 403, link: 200 },
    createPortalKey: { method: "POST", path: "/keys", body: { name: "made here" }, key: 201, link: 201 },
    rotatePortalKey: { method: "POST", path: `/keys/${spareId}/rotate`, body: {}, key: 201, link: 201 },
    revokePortalKey: { method: "DELETE", path: `/keys/${spareId}`, key: 200, link: 200 },
  };
}

/** Signing in and out. */
const SESSIONLESS = new Set(["createPortalSession", "deletePortalSession"]);
const NAMES = Object.entries<Endpoint>(PORTAL_CONTRACT)
  .filter(([, { path }]) => path.startsWith("/api/v1/portal/"))
  .map(([id]) => id)
  .filter((id) => !SESSIONLESS.has(id));

/** Text of a body, also of a PDF's or a key's. */
async function textOf(response: Response): Promise<string> {
  return new TextDecoder("latin1").decode(await response.arrayBuffer());
}

async function fresh(user: string, kind: "key" | "link"): Promise<Visitor> {
  if (kind === "link") return signedIn(edge, { link: await linkFor(edge, user) });
  return signedIn(edge, { key: user === a.user ? a.key : b.key });
}

function operationOf(party: Party, name: string): Operation {
  const operation = operations(party)[name];
  if (!operation) throw new Error(`${name} is missing in the matrix`);
  return operation;
}

describe("the matrix", () => {
  it("has every operation that needs a session", () => {
    expect(Object.keys(operations(a)).toSorted()).toEqual(NAMES.toSorted());
  });
});

describe.each(NAMES)("%s", (name) => {
  it("is 401 without a session in force, and removes the cookie", async () => {
    const { method, path, body } = operationOf(a, name);
    const answers: string[] = [];
    for (const [what, headers] of credentials) {
      const response = await new Visitor(edge).send(method, path, body, headers);
      const isCleared = response.headers.get("Set-Cookie")?.startsWith(`${NAME}=; Max-Age=0`);
      const { status, code } = await problemOf(response);
      answers.push(`${what}: ${status} ${code} ${isCleared}`);
    }
    expect(answers).toEqual([...credentials.keys()].map((what) => `${what}: 401 invalid_credentials true`));
  });

  it.each(["key", "link"] as const)("answers a session of a %s with its own account only", async (kind) => {
    for (const [own, other] of [
      [a, b],
      [b, a],
    ] as const) {
      const { method, path, body, [kind]: expected } = operationOf(own, name);
      const response = await (await fresh(own.user, kind)).send(method, path, body);
      const text = await textOf(response);
      expect([response.status, text.includes(other.marker)], text).toEqual([expected, false]);
      expect(response.headers.get("Cache-Control"), path).toMatch(/no-store/);
    }
  });

  it("finds nothing of another account, whatever names it", async () => {
    const theirs = operationOf(b, name);
    const visitor = await fresh(a.user, "link");
    if (theirs.path !== operationOf(a, name).path) {
      const response = await visitor.send(theirs.method, theirs.path, theirs.body);
      const text = await textOf(response);
      expect([response.status, text.includes(b.marker)], text).toEqual([404, false]);
    }
    // Neither a parameter, nor a header, nor a body chooses the account.
    const { method, path, body } = operationOf(a, name);
    const query = `${path}${path.includes("?") ? "&" : "?"}account=${b.user}&id=${b.user}`;
    const named = await visitor.send(method, query, body, { "X-API-Key": b.key, "X-Account": b.user });
    expect(await textOf(named)).not.toContain(b.marker);
    if (typeof body !== "object") return;
    const more = await visitor.send(method, path, { ...body, account: b.user });
    expect((await problemOf(more)).status).toBe(422);
  });
});

describe.each(NAMES.filter((name) => !/^(get|list)/.test(name)))("%s", (name) => {
  it("is rejected if a page of another site sends it", async () => {
    const { method, path, body } = operationOf(a, name);
    const visitor = await fresh(a.user, "link");
    for (const headers of [
      { "Sec-Fetch-Site": "cross-site" },
      { "Sec-Fetch-Site": "same-site" },
      { "Sec-Fetch-Site": "none" },
      { "Sec-Fetch-Site": "cross-site", Origin: "https://edge.test" },
    ]) {
      const response = await visitor.send(method, path, body, headers);
      expect([headers, (await problemOf(response)).code]).toEqual([headers, "forbidden"]);
    }
    // Browsers without Sec-Fetch-Site send the origin; a client that sends neither is none.
    for (const [origin, isAllowed] of [
      ["https://evil.test", false],
      ["null", false],
      ["", false],
      ["https://edge.test", true],
    ] as const) {
      const response = await edge.request(`/api/v1/portal${path}`, {
        method,
        headers: { Cookie: visitor.cookie, ...newAddress(), ...(origin === "" ? {} : { Origin: origin }) },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      expect([origin, response.status === 403]).toEqual([origin, !isAllowed]);
    }
  });
});

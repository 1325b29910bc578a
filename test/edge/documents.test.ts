/** Invoices of closed periods as pages, PDFs and CSV, for administrators and by link. */
import { runDurableObjectAlarm } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { DocumentLinkResponse } from "../../openapi/resources/documents.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { START_MS, startClock, stopClock } from "../durable-objects/fixture.ts";
import { ADMIN_TOKEN, type Edge, startEdge } from "../fixtures/edge-app.ts";
import { problemCode } from "../fixtures/edge-problem.ts";

const HOST = "https://edge.test";
const HOUR_MS = 3_600_000;
const CLOSED_MS = Date.UTC(2100, 10, 1, 4);

const POLICY: PolicyDocument = {
  schema: 1,
  anonymousTier: "pro",
  defaultTier: "pro",
  billing: { currency: "USD", seller: { name: "Example API GmbH", address: ["Torstraße 1", "Berlin"] } },
  tiers: {
    pro: { limits: [{ name: "month", kind: "quota", amount: 100, per: "month" }], plan: { base: "99" } },
  },
  routes: [{ match: "/identify" }],
};

beforeEach(startClock);
afterEach(stopClock);

interface Billed {
  readonly edge: Edge;
  readonly user: string;
  /** The path of its invoice, without a suffix. */
  readonly invoice: string;
  send(method: string, path: string, body?: object, headers?: Record<string, string>): Promise<Response>;
}

let users = 0;

/** An account whose first month is closed, and its invoice issued. */
async function billed(customer: object = { name: "Acme" }, suffix = ""): Promise<Billed> {
  vi.setSystemTime(START_MS);
  const edge = await startEdge({ policy: POLICY });
  users += 1;
  const user = `billed/${users}${suffix}`;
  const account = `/api/v1/admin/accounts/${encodeURIComponent(user)}`;
  const send: Billed["send"] = (method, path, body, headers = {}) =>
    edge.request(path, {
      method,
      redirect: "manual",
      headers: { Authorization: `Bearer ${ADMIN_TOKEN}`, ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  expect((await send("POST", "/api/v1/admin/accounts", { id: user, tier: "pro" })).status).toBe(201);
  expect((await send("PATCH", `${account}/billing`, { customer })).status).toBe(200);
  // The close, the end of the review, and the number.
  for (const hours of [0, 2, 3]) {
    vi.setSystemTime(CLOSED_MS + hours * HOUR_MS);
    await runDurableObjectAlarm(env.USER_LIMITER.getByName(`user:${user}`));
  }
  return {
    edge,
    user,
    invoice: `${account}/invoices/${encodeURIComponent(`${user}.21001014T120000000Z`)}`,
    send,
  };
}

describe("an invoice", () => {
  it("is a page, a PDF and CSV, which are never cached", async () => {
    const { invoice, send } = await billed();
    const page = await send("GET", `${invoice}.html`);
    expect([page.status, page.headers.get("Content-Type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(page.headers.get("Content-Security-Policy")).toMatch(
      /^default-src 'none'; style-src 'sha256-[\w+/=]+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    const html = await page.text();
    expect(html).toContain("Torstraße 1");
    expect(html).toContain(`href="${invoice}.pdf"`);

    const pdf = await send("GET", `${invoice}.pdf`);
    expect([pdf.status, pdf.headers.get("Content-Type")]).toEqual([200, "application/pdf"]);
    expect(pdf.headers.get("Content-Disposition")).toMatch(/^attachment; filename="Invoice-INV-\d{6}\.pdf"$/);
    const bytes = new Uint8Array(await pdf.arrayBuffer());
    expect(new TextDecoder().decode(bytes.slice(0, 5))).toBe("%PDF-");
    expect(new Uint8Array(await (await send("GET", `${invoice}.pdf`)).arrayBuffer())).toEqual(bytes);
    const letter = await send("GET", `${invoice}.pdf?paper=letter`);
    expect(new TextDecoder("latin1").decode(await letter.arrayBuffer())).toContain("/MediaBox [0 0 612");

    const csv = await send("GET", `${invoice}.csv`);
    expect(csv.headers.get("Content-Type")).toBe("text/csv; charset=utf-8");
    expect((await csv.text()).split("\r\n")).toEqual([
      "number,document,kind,description,route,quantity,unitPrice,amount,currency",
      expect.stringMatching(
        /^INV-\d{6},billed\/\d+\.21001014T120000000Z,base,"pro: base fee, 2100-10-14T12:00:00\.000Z until 2100-11-01T00:00:00\.000Z",,,99,55\.89,USD$/,
      ),
      "",
    ]);
    const list = await send("GET", `${invoice.replace(/\/[^/]*$/, "")}?format=csv`);
    expect((await list.text()).split("\r\n")).toEqual([
      "id,number,status,currency,total,due,open,issuedAt,dueAt,paidAt",
      expect.stringMatching(
        /^billed\/\d+\.21001014T120000000Z,INV-\d{6},issued,USD,55\.89,55\.89,55\.89,2100-11-01T[\d:.]+Z,2100-11-15T[\d:.]+Z,$/,
      ),
      "",
    ]);
    for (const { headers } of [page, pdf, csv]) expect(headers.get("Cache-Control")).toContain("no-store");
    expect(await problemCode(await send("GET", `${invoice}0.pdf`))).toBe("404 not_found");
    expect(await problemCode(await send("GET", `${invoice}.pdf?paper=a3`))).toBe("400 invalid_request");
  });

  it("that its PDF cannot show is a page with a notice for browsers, and 406 for programs", async () => {
    const { invoice, send } = await billed({ name: "東京" });
    const refused = await send("GET", `${invoice}.pdf`);
    expect(refused.headers.get("Link")).toBe(`<${invoice}.html>; rel="alternate"; type="text/html"`);
    expect(await refused.clone().text()).toContain("東 京");
    expect(await problemCode(refused)).toBe("406 not_acceptable");

    const browser = { Accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };
    const moved = await send("GET", `${invoice}.pdf`, undefined, browser);
    expect([moved.status, moved.headers.get("Location")]).toEqual([
      303,
      `${invoice}.html?pdf=missing-glyphs`,
    ]);
    const html = await (await send("GET", moved.headers.get("Location") ?? "")).text();
    expect(html).toContain("characters that its PDF cannot show. To keep a copy, print this page");
    expect(html).not.toContain("Download PDF");
  });
});

it("is 503 as a PDF, and still a page, while the fonts cannot be read", async () => {
  const { invoice } = await billed();
  const ASSETS = { fetch: async () => new Response(null, { status: 404 }) };
  const broken = await startEdge({ policy: null, bindings: { ASSETS } });
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}` };
  const pdf = await broken.request(`${invoice}.pdf`, { headers });
  expect(await problemCode(pdf)).toBe("503 temporary_reduced_capacity");
  expect((await broken.request(`${invoice}.html`, { headers })).status).toBe(200);
});

describe("a link to an invoice", () => {
  const link = async ({ invoice, send }: Billed, body: object = {}): Promise<DocumentLinkResponse> => {
    const response = await send("POST", `${invoice}/links`, body);
    expect(response.status).toBe(201);
    return response.json();
  };

  it("shows that document to who has no credential, as a page and as a PDF", async () => {
    const customer = await billed();
    const { html, pdf } = await link(customer);
    for (const [url, type] of [
      [html, "text/html; charset=utf-8"],
      [pdf, "application/pdf"],
    ] as const) {
      expect(url.startsWith(`${HOST}/api/v1/invoices/`)).toBe(true);
      expect(url).not.toContain(ADMIN_TOKEN);
      const response = await customer.edge.request(url);
      expect([response.status, response.headers.get("Content-Type")]).toEqual([200, type]);
      expect(response.headers.get("Cache-Control")).toBe("private, no-store");
      expect(response.headers.get("Referrer-Policy")).toBe("no-referrer");
    }
    const page = await (await customer.edge.request(html)).text();
    expect(page).toContain(`href="${new URL(pdf).pathname}"`);
  });

  it("works for an id of the greatest length, with characters that are escaped everywhere", async () => {
    const customer = await billed({}, `${'"\\'.repeat(85)}%2F..?#.pdf`);
    const { html, pdf } = await link(customer);
    const { send, invoice } = customer;
    for (const path of [html, pdf, `${invoice}.html`, `${invoice}.pdf`, `${invoice}.csv`, invoice]) {
      expect([path, (await send("GET", path)).status]).toEqual([path, 200]);
    }
  });

  it("ends after its time", async () => {
    const customer = await billed();
    const { html, expiresAt } = await link(customer, { minutes: 5 });
    const now = Date.now();
    expect(Date.parse(expiresAt)).toBe(now + 300_000);
    vi.setSystemTime(now + 299_999);
    expect((await customer.edge.request(html)).status).toBe(200);
    vi.setSystemTime(now + 300_000);
    const expired = await customer.edge.request(html);
    expect(await expired.clone().text()).toContain("This link has expired.");
    expect(await problemCode(expired)).toBe("403 forbidden");
    expect(
      await problemCode(await customer.send("POST", `${customer.invoice}/links`, { minutes: 10_081 })),
    ).toBe("422 invalid_request");
  });

  it("shows nothing else: not if it is changed, cut, signed elsewhere, or put together from others", async () => {
    const customer = await billed();
    const { html } = await link(customer);
    const other = new URL((await link(await billed())).html).pathname;
    const [start = "", token = ""] = /^(.*\/)([^/]+)\.html$/.exec(new URL(html).pathname)?.slice(1) ?? [];
    const [payload = "", signature = ""] = token.split(".");
    const claims: object = JSON.parse(atob(payload));
    const forged = btoa(JSON.stringify({ ...claims, expiresMs: 9e15 })).replaceAll("=", "");
    const flipped = `${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
    for (const wrong of [
      `${forged}.${signature}`,
      `${payload}.${flipped}`,
      `${payload}.`,
      payload,
      `${payload}.${/\.([^./]+)\.html$/.exec(other)?.[1]}`,
      `${token}.${signature}`,
      "x".repeat(2_000),
    ]) {
      expect(await problemCode(await customer.edge.request(`${start}${wrong}.html`))).toBe("403 forbidden");
      expect(await problemCode(await customer.edge.request(`${start}${wrong}.pdf`))).toBe("403 forbidden");
    }
    const elsewhere = await startEdge({
      policy: null,
      variables: { ADMIN_TOKEN: "another-token-of-the-tests" },
    });
    expect(await problemCode(await elsewhere.request(html))).toBe("403 forbidden");
    const without = await startEdge({ policy: null, variables: { ADMIN_TOKEN: "" } });
    expect(await problemCode(await without.request(html))).toBe("503 not_configured");
    // A session is signed with another key.
    const session = await customer.send("POST", "/api/v1/admin/session", { token: ADMIN_TOKEN });
    const cookie = /el_session=([^;]+)/.exec(session.headers.get("Set-Cookie") ?? "")?.[1] ?? "";
    expect(cookie).not.toBe("");
    expect(await problemCode(await customer.edge.request(`${start}${cookie}.html`))).toBe("403 forbidden");
  });
});

/** /docs and /api/v1/openapi.json: files of this host only, and a policy that blocks all others. */
import { describe, expect, it } from "vitest";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { problemCode } from "../fixtures/edge-problem.ts";
import { document } from "../fixtures/fuzz-document.ts";

/** The URLs that an HTML page or a style sheet makes a browser load. */
const REFERENCE = /\b(?:src|href)="([^"]*)"|url\(\s*["']?([^"')\s]*)/g;

async function textOf(edge: Edge, path: string): Promise<string> {
  const response = await edge.request(path);
  expect([path, response.status]).toEqual([path, 200]);
  return response.text();
}

function referencesIn(text: string): string[] {
  return [...text.matchAll(REFERENCE)].map(([, attribute, url]) => attribute ?? url ?? "");
}

describe("the page at /docs", () => {
  it("is served with a policy that restricts scripts, styles and requests to this host", async () => {
    const edge = await startEdge();
    const response = await edge.request("/docs");
    expect(response.headers.get("Content-Type")).toBe("text/html; charset=utf-8");
    const policy = (response.headers.get("Content-Security-Policy") ?? "").split("; ");
    expect(policy).toContain("default-src 'none'");
    expect(policy.toSorted()).toEqual([
      "base-uri 'none'",
      "connect-src 'self'",
      "default-src 'none'",
      "form-action 'none'",
      "frame-ancestors 'none'",
      "img-src 'self' data:",
      "script-src 'self'",
      "style-src 'self'",
    ]);
    expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
    expect(response.headers.get("Referrer-Policy")).toBe("no-referrer");
  });

  it("refers to existing files, and to no other host", async () => {
    const edge = await startEdge();
    const files = referencesIn(await textOf(edge, "/docs"));
    expect(files).toContain("/docs/swagger-ui-bundle.js");
    for (const file of files) {
      expect(file).toMatch(/^\/(docs|api)\//);
      expect((await edge.request(file, { method: "HEAD" })).status).toBe(200);
    }
    for (const file of files.filter((name) => name.endsWith(".css"))) {
      for (const reference of referencesIn(await textOf(edge, file))) {
        expect(reference.slice(0, 40)).toMatch(/^data:/);
      }
    }
  });

  it("has no inline script or style, which the policy would block", async () => {
    const html = await textOf(await startEdge(), "/docs");
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=/);
  });

  it("calls no online validator, although Swagger UI does by default", async () => {
    expect(await textOf(await startEdge(), "/docs/page.js")).toContain("validatorUrl: null");
  });

  it.each([
    ["/docs", "text/html; charset=utf-8"],
    ["/docs/page.js", "text/javascript; charset=utf-8"],
    ["/docs/swagger-ui.css", "text/css; charset=utf-8"],
    ["/docs/favicon-32x32.png", "image/png"],
    ["/docs/LICENSE.txt", "text/plain; charset=utf-8"],
    ["/api/v1/openapi.json", "application/json"],
  ])("%s is not sent again to a client that has it", async (path, type) => {
    const edge = await startEdge();
    const first = await edge.request(path);
    expect(first.headers.get("Content-Type")).toBe(type);
    await first.arrayBuffer();
    const etag = first.headers.get("ETag") ?? "";
    expect(etag).not.toBe("");
    const again = await edge.request(path, { headers: { "If-None-Match": etag } });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    const head = await edge.request(path, { method: "HEAD" });
    expect([head.status, head.headers.get("ETag"), await head.text()]).toEqual([200, etag, ""]);
  });

  it.each([
    "/docs/nothing.js",
    "/docs/%2e%2e%2fopenapi.json",
    "/docs/a%00b",
    "/docs/page.css/x",
    "/docs/",
    "/docs/%zz",
  ])("%s is a problem", async (path) => {
    const edge = await startEdge();
    expect(await problemCode(await edge.request(path))).toBe("404 not_found");
    expect(edge.forwarded).toEqual([]);
  });
});

describe("assets", () => {
  it("never shadow a route of the policy", async () => {
    const edge = await startEdge();
    for (const path of ["/openapi.json", "/docs.html"]) {
      expect(await problemCode(await edge.request(path))).toBe("404 not_found");
    }
  });
});

describe("/api/v1/openapi.json", () => {
  it("serves docs/openapi.json to anyone", async () => {
    const response = await (await startEdge()).request("/api/v1/openapi.json");
    expect(await response.json()).toEqual(document);
  });
});

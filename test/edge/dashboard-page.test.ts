/** /dashboard: served from this host, under a content security policy that allows no other host and no framing. */
import { describe, expect, it } from "vitest";
import { type Edge, startEdge } from "../fixtures/edge-app.ts";
import { problemCode } from "../fixtures/edge-problem.ts";

const REFERENCE = /\b(?:src|href)="([^"]*)"/g;

async function filesOf(edge: Edge): Promise<string[]> {
  const html = await (await edge.request("/dashboard")).text();
  return [...html.matchAll(REFERENCE)].map(([, file = ""]) => file);
}

describe("the dashboard's page", () => {
  it("is the same page at every screen's path, without a session", async () => {
    const edge = await startEdge();
    const page = await (await edge.request("/dashboard")).text();
    expect(page).toContain('<div id="app">');
    for (const path of ["/dashboard/", "/dashboard/overview", "/dashboard/live?tier=free"]) {
      const response = await edge.request(path);
      expect([path, response.status, await response.text()]).toEqual([path, 200, page]);
    }
    expect(edge.forwarded).toEqual([]);
  });

  it("has a policy that allows scripts, styles and requests of this host only, and no framing", async () => {
    const edge = await startEdge();
    for (const path of ["/dashboard", "/dashboard/overview", ...(await filesOf(edge))]) {
      const { headers } = await edge.request(path, { method: "HEAD" });
      const policy = (headers.get("Content-Security-Policy") ?? "").split("; ");
      expect(policy.toSorted(), path).toEqual([
        "base-uri 'none'",
        "connect-src 'self'",
        "default-src 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "img-src 'self' data:",
        "script-src 'self'",
        "style-src 'self'",
      ]);
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
      expect(headers.get("Referrer-Policy")).toBe("no-referrer");
      expect(headers.get("Cross-Origin-Resource-Policy")).toBe("same-origin");
    }
    const { headers } = await edge.request("/dashboard", { method: "HEAD" });
    expect(headers.get("X-Frame-Options")).toBe("DENY");
  });

  it("has no inline script or style, which the policy would block", async () => {
    const html = await (await (await startEdge()).request("/dashboard")).text();
    expect(html).not.toMatch(/<style|style=|<script(?![^>]*src=)|\son\w+=/);
  });

  it("references existing files of this host that are cached forever, and is itself revalidated", async () => {
    const edge = await startEdge();
    const files = await filesOf(edge);
    expect(files.some((file) => file.endsWith(".js"))).toBe(true);
    for (const file of files.filter((name) => !name.endsWith(".svg"))) {
      expect(file).toMatch(/^\/dashboard\/assets\/[A-Za-z0-9_-]+-[A-Za-z0-9_-]{8}\.(js|css)$/);
      const response = await edge.request(file, { method: "HEAD" });
      expect([file, response.status]).toEqual([file, 200]);
      expect(response.headers.get("Cache-Control")).toBe("public, max-age=31536000, immutable");
    }
    const icon = await edge.request("/dashboard/assets/icon.svg", { method: "HEAD" });
    expect([icon.status, icon.headers.get("Cache-Control")]).toEqual([200, "no-cache"]);
    const page = await edge.request("/dashboard", { method: "HEAD" });
    expect(page.headers.get("Cache-Control")).toBe("no-cache");
    const condition = { "If-None-Match": page.headers.get("ETag") ?? "" };
    expect((await edge.request("/dashboard", { headers: condition })).status).toBe(304);
  });

  it.each([
    "/dashboard/Overview.html",
    "/dashboard/index.html",
    "/dashboard/overview/x",
    "/dashboard/assets/nothing.js",
    "/dashboard/assets/%2e%2e%2findex.html",
    "/dashboard/assets/",
    "/dashboard/%zz",
  ])("%s is a 404 problem", async (path) => {
    const edge = await startEdge();
    expect(await problemCode(await edge.request(path))).toBe("404 not_found");
    expect(edge.forwarded).toEqual([]);
  });
});

/** Deploy's reader of wrangler's machine-readable events. */
import { describe, expect, it } from "vitest";
import { readEvents, urlOf } from "../../scripts/deploy/wrangler-events.ts";

describe("the address of a deployment", () => {
  it.each([
    { targets: ["https://edge-limiter.acme.workers.dev"], url: "https://edge-limiter.acme.workers.dev/" },
    { targets: ["edge-limiter.acme.workers.dev"], url: "https://edge-limiter.acme.workers.dev/" },
    { targets: ["api.example.com (custom domain)"], url: "https://api.example.com/" },
    { targets: ["api.example.com/* (zone name: example.com)"], url: "https://api.example.com/" },
    {
      targets: ["*.example.com/*", "schedule: * * * * *", "api.example.com"],
      url: "https://api.example.com/",
    },
    { targets: ["example.com/v1/*"], url: null },
    { targets: [], url: null },
  ])("of $targets is $url", ({ targets, url }) => {
    expect(urlOf(targets)?.href ?? null).toBe(url);
  });
});

describe("wrangler's events", () => {
  it("give the version, the targets and the size; other lines are ignored", () => {
    const deploy = {
      type: "deploy",
      version_id: "v1",
      targets: ["a.example", 7],
      bundle_size: { raw_bytes: 3, gzip_bytes: 2 },
    };
    const text = `{"type":"wrangler-session"}\nnot JSON\n${JSON.stringify(deploy)}\n`;
    expect(readEvents(text)).toEqual({
      deployed: { versionId: "v1", targets: ["a.example"], gzipBytes: 2 },
      failure: null,
    });
  });

  it("give the reason of a failed command", () => {
    const text = '{"type":"command-failed","message":"no"}\n';
    expect(readEvents(text)).toEqual({ deployed: null, failure: "no" });
  });

  it("give neither a deployment nor a failure if there are none", () => {
    expect(readEvents("")).toEqual({ deployed: null, failure: null });
  });
});

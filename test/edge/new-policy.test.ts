/** Origins and upstreams that a new policy may not name, since they can never work; those that it may, and those with a warning. */
import { describe, expect, it } from "vitest";
import { originFault } from "../../src/policy/origins.ts";
import { upstreamFault, upstreamWarning } from "../../src/policy/upstream-address.ts";

describe("an origin", () => {
  it.each([
    "*",
    "https://app.example",
    "http://localhost:3000",
    "https://xn--bcher-kva.example",
    "https://[::1]:8443",
    "https://*.example.com",
    "https://*.example.com:8443",
    "capacitor://localhost",
    "ionic://localhost",
    "chrome-extension://abcdefghijklmnop",
    "app://-",
  ])("that browsers send is taken: %s", (origin) => {
    expect(originFault(origin)).toBeNull();
  });

  it.each([
    ["https://App.example", '"https://app.example"'],
    ["https://app.example:443", '"https://app.example"'],
    ["http://app.example:80", '"http://app.example"'],
    ["https://user:pass@app.example", '"https://app.example"'],
    ["https://app.example\\a", '"https://app.example"'],
    ["https://b\u00fccher.example", '"https://xn--bcher-kva.example"'],
    ["https://*.Example.com", '"https://*.example.com"'],
    ["https://a.*.example.com", "first label"],
    ["https://**.example.com", "first label"],
    ["https://*", "first label"],
    ["https://*.com", "two labels"],
    ["https://*.*.example.com", "first label"],
    ["wss://app.example", "must be an origin"],
    ["file://app", "must be an origin"],
    ["https://host:99999", "must be an origin"],
  ])("that never matches is a fault which says what to write: %s", (origin, says) => {
    expect(originFault(origin)).toContain(says);
  });
});

describe("an upstream", () => {
  const isService = (name: string) => name === "API";

  it.each([
    "http://host:99999/",
    "http://[::1/",
    "http://a%zz/",
    "http://host:80:80/",
    "http://.",
    "http://a..b/",
    "http://host:0/",
    "http://host\\path",
    `http://${"a".repeat(64)}.example/`,
    "service:CONFIG",
    "service:NOPE",
  ])("that can never answer is a fault: %s", (upstream) => {
    expect(upstreamFault(upstream, isService)).not.toBeNull();
  });

  it.each([
    "https://api.example",
    "http://127.0.0.1:3000/v1",
    "https://api.example./",
    "http://[::1]:80",
    "service:API",
  ])("that may answer is none: %s", (upstream) => {
    expect(upstreamFault(upstream, isService)).toBeNull();
  });

  it.each([
    ["http://10.0.0.1", true],
    ["http://192.168.1.1:8080/x", true],
    ["http://127.0.0.1", true],
    ["http://[::1]:3000", true],
    ["http://[fd00::1]", true],
    ["http://[::ffff:10.0.0.1]", true],
    ["http://2130706433", true],
    ["http://localhost:3000", true],
    ["http://localhost.", true],
    ["http://db.internal", true],
    ["https://edge.test/v2", true],
    ["https://edge.test./v2", true],
    ["https://api.example", false],
    ["https://8.8.8.8", false],
    ["service:API", false],
  ])("gets a warning if it is private or this gateway: %s is %s", (upstream, isDoubtful) => {
    expect(upstreamWarning(upstream, "edge.test") !== null).toBe(isDoubtful);
  });
});

/** Which URLs webhooks are sent to: those of the public internet, in whatever spelling an address comes. */
import { describe, expect, it } from "vitest";
import { endpointFault } from "../../src/objects/webhook-address.ts";

describe("a webhook's URL", () => {
  it.each([
    "https://hooks.example.com/in?tenant=1",
    "https://hooks.example.com./",
    "https://8.8.8.8/",
    "https://[2606:4700::1111]/",
  ])("may be %s", (url) => {
    expect(endpointFault(url, false)).toBeNull();
  });

  it.each([
    ["loopback", "https://127.0.0.1/"],
    ["hexadecimal loopback", "https://0x7f.1/"],
    ["loopback with a final dot", "https://127.0.0.1./"],
    ["loopback in full-width digits", "https://１２７.0.0.1/"],
    ["IPv6 loopback", "https://[::1]/"],
    ["an IPv4-mapped address", "https://[::ffff:10.0.0.1]/"],
    ["an IPv4-compatible address", "https://[::127.0.0.1]/"],
    ["another one", "https://[::169.254.169.254]/"],
    ["a translated address", "https://[64:ff9b::7f00:1]/"],
    ["a 6to4 address", "https://[2002:7f00:1::]/"],
    ["an unassigned address", "https://[4000::1]/"],
    ["a metadata service", "https://169.254.169.254/latest/meta-data/"],
    ["a unique local address", "https://[fd00::1]/"],
    ["a name without a dot", "https://router/"],
    ["a local name", "https://a.localhost/"],
    ["a local name with two final dots", "https://localhost../"],
    ["a name with an empty label", "https://127.0.0.1../"],
  ])("is not %s", (_what, url) => {
    expect(endpointFault(url, false)).not.toBeNull();
    // Not on the operator's machine either, but for loopback.
    expect(endpointFault(url, true) === null).toBe(/loopback/i.test(_what));
  });
});

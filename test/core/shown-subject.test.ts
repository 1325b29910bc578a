/** What analytics and the log show of a client's address. */
import { describe, expect, it } from "vitest";
import { shownSubject } from "../../src/analytics/shown-subject.ts";
import { clientIp } from "../../src/identity/client-ip.ts";

describe("a prefix of an address", () => {
  it.each([
    ["192.0.2.123", "ip:192.0.2.0/24"],
    ["::ffff:192.0.2.123", "ip:192.0.2.0/24"],
    ["2001:db8:1:2:3:4:5:6", "ip:2001:db8:1::/48"],
    ["2001:db8::1", "ip:2001:db8::/48"],
    ["2001:db8:0:2::", "ip:2001:db8::/48"],
    ["2001::", "ip:2001::/48"],
    ["::1", "ip:::/64"],
    ["not an address", "ip:unknown"],
  ])("of %s is %s, and stays it", (address, shown) => {
    const once = shownSubject(`ip:${clientIp(address)}`, "prefix");
    expect(once).toBe(shown);
    expect(shownSubject(once, "prefix")).toBe(shown);
  });

  it("is found for an IPv6 address that is written in full", () => {
    expect(shownSubject("ip:2001:db8:1:2:3:4:5:6", "prefix")).toBe("ip:2001:db8:1::/48");
  });

  it("never has the last byte of an IPv4 address, nor what comes after the first 48 bits of an IPv6 one", () => {
    for (let i = 1; i < 255; i++) {
      expect(shownSubject(`ip:${clientIp(`198.51.100.${i}`)}`, "prefix")).toBe("ip:198.51.100.0/24");
      const shown = shownSubject(`ip:${clientIp(`2001:db8:a:${i.toString(16)}ff::7`)}`, "prefix");
      expect(shown).toBe("ip:2001:db8:a::/48");
    }
  });
});

describe("an address", () => {
  it("is shown whole, or not at all, if the deployment says so", () => {
    expect(shownSubject("ip:192.0.2.1", "full")).toBe("ip:192.0.2.1");
    expect(shownSubject("ip:192.0.2.1", "none")).toBe("ip:*");
    expect(shownSubject("ip:2001:db8:1:2::/64", "none")).toBe("ip:*");
  });
});

it.each(["full", "prefix", "none"] as const)("a user is shown as they are: %s", (detail) => {
  expect(shownSubject("user:ip:192.0.2.1", detail)).toBe("user:ip:192.0.2.1");
  expect(shownSubject("", detail)).toBe("");
});

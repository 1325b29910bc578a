/** The address by which an anonymous caller is limited. */
import * as fc from "fast-check";
import ipaddr from "ipaddr.js";
import { expect, it } from "vitest";
import { clientIp, UNKNOWN_IP } from "../../src/identity/client-ip.ts";

it.each([
  ["192.0.2.1", "192.0.2.1"],
  ["::ffff:192.0.2.1", "192.0.2.1"],
  ["::ffff:c000:201", "192.0.2.1"],
  ["0:0:0:0:0:FFFF:192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
  ["2001:0DB8:0001:0002::", "2001:db8:1:2::/64"],
  ["2001:db8:1:2:ffff:ffff:ffff:ffff", "2001:db8:1:2::/64"],
  ["2001:db8:1:3::1", "2001:db8:1:3::/64"],
  ["::1", "::/64"],
])("every spelling of an address gives the same subject: %s is %s", (header, subject) => {
  expect(clientIp(header)).toBe(subject);
});

it.each([null, "", "unknown", "192.0.2.1, 192.0.2.2", "192.0.2.1:8080", "192.0.2.256", "[2001:db8::1]"])(
  "callers without a readable address share one subject: %j",
  (header) => {
    expect(clientIp(header)).toBe(UNKNOWN_IP);
  },
);

it("all addresses of an IPv6 /64 are one client, and two /64s are two", () => {
  // express-rate-limit/express-rate-limit#134, express-rate-limit/express-rate-limit#363
  const group = fc.integer({ min: 0, max: 0xffff }).map((n) => n.toString(16));
  const four = fc.tuple(group, group, group, group).map((groups) => groups.join(":"));
  fc.assert(
    fc.property(four, four, four, (network, other, host) => {
      fc.pre(!network.startsWith("0:0:0:0") && !other.startsWith("0:0:0:0"));
      const subject = clientIp(`${network}:${host}`);
      expect(subject).toBe(clientIp(`${network}:${other}`));
      expect(subject === clientIp(`${other}:${host}`)).toBe(network === other);
    }),
  );
});

it("is named as a library names it, so that no client gets a new subject", () => {
  const group = fc.constantFrom("0", "0", "1", "db8", "ffff");
  const ipv6 = fc.array(group, { minLength: 8, maxLength: 8 }).map((groups) => groups.join(":"));
  fc.assert(
    fc.property(fc.oneof(ipv6, fc.ipV6(), fc.ipV4()), (text) => {
      const address = ipaddr.process(text);
      const bytes = address.toByteArray();
      const network = [...bytes.slice(0, 8), 0, 0, 0, 0, 0, 0, 0, 0];
      // The library takes it for IPv4-mapped (RFC 4291, section 2.5.5.1).
      fc.pre(!/^::\d+\./.test(text));
      const name = bytes.length === 4 ? address.toString() : `${ipaddr.fromByteArray(network).toString()}/64`;
      expect(clientIp(text)).toBe(name);
    }),
  );
});

it("never throws, whatever the header", () => {
  fc.assert(fc.property(fc.oneof(fc.string(), fc.ipV4(), fc.ipV6()), (header) => void clientIp(header)));
});

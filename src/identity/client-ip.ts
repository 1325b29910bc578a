/**
 * The client's address as a subject to limit by.
 *
 * Only `CF-Connecting-IP` counts, which Cloudflare sets itself; `X-Forwarded-For` is whatever the client wrote. IPv6 is grouped
 * by /64, the smallest block that one customer gets, so that rotating addresses gains nothing; an IPv4-mapped address is the
 * IPv4 address.
 */
import ipaddr from "ipaddr.js";

/** For requests without a readable address (a call from another Worker): they share one subject rather than escape. */
export const UNKNOWN_IP = "unknown";

/** The canonical form: `192.0.2.1`, or `2001:db8:1:2::/64`. */
export function clientIp(header: string | null): string {
  if (header === null || !ipaddr.isValid(header)) return UNKNOWN_IP;
  const address = ipaddr.process(header);
  if (address.kind() === "ipv4") return address.toString();
  const bytes = address.toByteArray();
  const network = ipaddr.fromByteArray([...bytes.slice(0, 8), 0, 0, 0, 0, 0, 0, 0, 0]);
  return `${network.toString()}/64`;
}

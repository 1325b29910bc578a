/**
 * The client's address as a subject of limits.
 *
 * Only `CF-Connecting-IP` counts, which Cloudflare sets; clients can forge `X-Forwarded-For`. IPv6 addresses are grouped by /64, the
 * smallest block that one customer gets, so that rotating addresses gains nothing. An IPv4-mapped address counts as the IPv4 address.
 */
import ipaddr from "ipaddr.js";
import { BoundedCache } from "../bounded-cache.ts";

/** The subject of requests without a readable address, such as calls from another Worker: they share its limits. */
export const UNKNOWN_IP = "unknown";

/** Parsed addresses by header value, about 1 MB. Values longer than any address are not cached. */
const PARSED = new BoundedCache<string>(10_000);
const LONGEST_ADDRESS = 45;

/** The canonical form: `192.0.2.1`, or `2001:db8:1:2::/64`. */
export function clientIp(header: string | null): string {
  if (header === null) return UNKNOWN_IP;
  const known = PARSED.getStale(header);
  if (known !== undefined) return known;
  const read = readAddress(header);
  if (header.length <= LONGEST_ADDRESS) PARSED.set(header, read, Infinity);
  return read;
}

function readAddress(header: string): string {
  if (!ipaddr.isValid(header)) return UNKNOWN_IP;
  const address = ipaddr.process(header);
  if (address.kind() === "ipv4") return address.toString();
  const bytes = address.toByteArray();
  const network = ipaddr.fromByteArray([...bytes.slice(0, 8), 0, 0, 0, 0, 0, 0, 0, 0]);
  return `${network.toString()}/64`;
}

/**
 * The client's address as a subject to limit by.
 *
 * Only `CF-Connecting-IP` counts, which Cloudflare sets itself; `X-Forwarded-For` is whatever the client wrote. IPv6 is grouped
 * by /64, the smallest block that one customer gets, so that rotating addresses gains nothing; an IPv4-mapped address is the
 * IPv4 address.
 */
import ipaddr from "ipaddr.js";
import { BoundedCache } from "../bounded-cache.ts";

/** For requests without a readable address (a call from another Worker): they share one subject rather than escape. */
export const UNKNOWN_IP = "unknown";

/** Addresses as they were last read, by header: about 1 MB. What is longer than any address is not worth keeping. */
const READ = new BoundedCache<string>(10_000);
const LONGEST_ADDRESS = 45;

/** The canonical form: `192.0.2.1`, or `2001:db8:1:2::/64`. */
export function clientIp(header: string | null): string {
  if (header === null) return UNKNOWN_IP;
  const known = READ.getStale(header);
  if (known !== undefined) return known;
  const read = readAddress(header);
  if (header.length <= LONGEST_ADDRESS) READ.set(header, read, Infinity);
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

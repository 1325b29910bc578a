/**
 * The client's address as a subject of limits.
 *
 * Only `CF-Connecting-IP` counts, which Cloudflare sets; clients can forge `X-Forwarded-For`. IPv6 addresses are grouped by /64, the
 * smallest block that one customer gets, so that rotating addresses gains nothing. An IPv4-mapped address counts as the IPv4 address.
 */
import { BoundedCache } from "../bounded-cache.ts";
import { parseAddress } from "./address.ts";

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
  const [high, low] = parseAddress(header) ?? [];
  if (high === undefined) return UNKNOWN_IP;
  if (low === undefined) return `${high >>> 24}.${(high >>> 16) & 255}.${(high >>> 8) & 255}.${high & 255}`;
  const groups = [high >>> 16, high & 0xffff, low >>> 16, low & 0xffff].map((group) => group.toString(16));
  // RFC 5952: `::` stands for the longest run of zeros, which here is always the last one.
  while (groups.at(-1) === "0") groups.pop();
  return `${groups.join(":")}::/64`;
}

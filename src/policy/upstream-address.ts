/** Checks upstreams of policies that are not stored yet: an address that can never answer is a fault, a private one a warning. */
import ipaddr from "ipaddr.js";

const SERVICE = "service:";
/** Characters of one label of a host (RFC 1035, section 2.3.4). */
const MAX_LABEL = 63;
/** Ranges of addresses (ipaddr.js) that the public internet does not route. */
const PRIVATE = new Set([
  "private",
  "loopback",
  "linkLocal",
  "uniqueLocal",
  "carrierGradeNat",
  "unspecified",
]);

/** Why nothing can answer at this upstream; null if something may. `isService`: whether the Worker has a service of that name. */
export function upstreamFault(upstream: string, isService: (binding: string) => boolean): string | null {
  if (upstream.startsWith(SERVICE)) {
    const binding = upstream.slice(SERVICE.length);
    return isService(binding) ? null : `names no service of this Worker: bind "${binding}" in wrangler.toml`;
  }
  const url = URL.parse(upstream);
  if (!url) return "is not a valid URL: check its host and port";
  if (upstream.includes("\\")) return "has a backslash, which URLs read as a slash: write a slash";
  if (url.port === "0") return "has the port 0, at which nothing can listen";
  const labels = withoutFinalDot(url.hostname).split(".");
  if (labels.includes("")) return "has a host with an empty label";
  return labels.some(({ length }) => length > MAX_LABEL)
    ? `has a host with a label of more than ${MAX_LABEL} characters`
    : null;
}

/** What is doubtful about an upstream that may answer; null if nothing is. `ownHost`: the host under which this Worker was called. */
export function upstreamWarning(upstream: string, ownHost: string): string | null {
  const url = upstream.startsWith(SERVICE) ? null : URL.parse(upstream);
  if (!url) return null;
  if (url.host.replace(/\.(?=:|$)/, "") === ownHost) {
    return "is the host of this gateway: unless it runs on a route in front of that host's own server, requests come back here and end with 508";
  }
  return isPrivateHost(withoutFinalDot(url.hostname))
    ? "is a private address: only a Worker that runs locally can reach it"
    : null;
}

/** One final dot makes a host absolute. */
export function withoutFinalDot(hostname: string): string {
  return hostname.replace(/\.$/, "");
}

/** Whether a host is a name or a literal address that the public internet does not know. */
export function isPrivateHost(hostname: string): boolean {
  if (/(^|\.)(localhost|local|internal|lan)$/.test(hostname)) return true;
  const address = hostname.replace(/^\[|\]$/g, "");
  return ipaddr.isValid(address) && PRIVATE.has(ipaddr.process(address).range());
}

/** Where webhooks may be sent: URLs of the public internet, with TLS. Pure. */
import ipaddr from "ipaddr.js";
import { isPrivateHost, withoutFinalDot } from "../policy/upstream-address.ts";

export const MAX_URL_LENGTH = 2_048;

/**
 * Why no webhook is sent to this URL; null if it may be. A Worker cannot see which address a name resolves to, so only a literal address is
 * found to be private.
 * @param isLocal whether the Worker runs on the operator's machine: loopback addresses are allowed then, also without TLS.
 */
export function endpointFault(text: string, isLocal: boolean): string | null {
  const url = text.length > MAX_URL_LENGTH ? null : URL.parse(text);
  if (url === null) return "is not a valid URL";
  if (url.username !== "" || url.password !== "") return "must not contain a user or a password";
  if (url.hash !== "") return "must not have a fragment: it is never sent";
  if (isLocal && /^https?:$/.test(url.protocol) && isLoopback(url.hostname)) return null;
  if (url.protocol !== "https:") {
    return `must begin with https://${isLocal ? ", unless it is an address of this machine" : ""}`;
  }
  if (url.port === "0") return "has the port 0, at which nothing can listen";
  return isPublic(url.hostname) ? null : "must not be an address that the public internet does not route";
}

/** Whether the host is the machine itself. */
export function isLoopback(hostname: string): boolean {
  const host = withoutFinalDot(hostname);
  if (host === "localhost") return true;
  const address = host.replace(/^\[|\]$/g, "");
  return ipaddr.isValid(address) && ipaddr.process(address).range() === "loopback";
}

/** All that is assigned of IPv6 for the public internet (RFC 4291, section 2.4). */
const GLOBAL_IPV6 = ipaddr.IPv6.parseCIDR("2000::/3");

/** URLs have one spelling of each address, so 0x7f.1 is found to be 127.0.0.1. */
function isPublic(hostname: string): boolean {
  const host = withoutFinalDot(hostname);
  if (isPrivateHost(host)) return false;
  const address = host.replace(/^\[|\]$/g, "");
  if (!ipaddr.isValid(address)) return host.includes(".") && !host.split(".").includes("");
  const parsed = ipaddr.process(address);
  // IPv6 has old spellings of IPv4 addresses that no range of its own names, such as ::127.0.0.1.
  const isAssigned = parsed instanceof ipaddr.IPv6 ? parsed.match(GLOBAL_IPV6) : true;
  return isAssigned && parsed.range() === "unicast";
}

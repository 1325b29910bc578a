/**
 * How much of a client's address analytics and the log show: `ANALYTICS_IP`. Limits count by the whole address whatever is shown, and so do
 * metrics, which contain no address.
 */

/**
 * - `full`: the address, or the /64 of an IPv6 one, by which it is limited.
 * - `prefix`: the /24 of an IPv4 address and the /48 of an IPv6 one, which many people share.
 * - `none`: nothing.
 */
export const ADDRESS_DETAILS = ["full", "prefix", "none"] as const;
export type AddressDetail = (typeof ADDRESS_DETAILS)[number];

/** A subject (`user:<id>`, `ip:<address>`) as it is shown. Users, and what is shown already, are unchanged. */
export function shownSubject(subject: string, detail: AddressDetail): string {
  if (detail === "full" || !subject.startsWith("ip:")) return subject;
  // All addresses: not "", which is an unknown caller.
  if (detail === "none") return "ip:*";
  return (
    subject
      .replace(/^(ip:\d+\.\d+\.\d+\.).*/, "$10/24")
      .replace(/^(ip:[\da-f]+(:[\da-f]+){0,2}).*:.*/, "$1::/48")
      // RFC 5952: `::` stands for the longest run of zeros, which here is always the last one.
      .replace(/(:0)+::/, "::")
  );
}

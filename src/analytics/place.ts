/**
 * The data center that received a request, and the country it came from. An isolate runs in one data center, so `request.cf`, which is
 * parsed for each request, is read once. The country is a header that Cloudflare sets.
 */
export interface Place {
  /** IATA code; "" off Cloudflare. */
  readonly colo: string;
  /** ISO 3166-1 alpha-2; "" if unknown. */
  readonly country: string;
}

export const NOWHERE: Place = { colo: "", country: "" };

const COUNTRY = /^[A-Z0-9]{2}$/;

let isolateColo: string | null = null;

export function placeOf(request: Request): Place {
  isolateColo ??= coloOf(request.cf);
  const country = request.headers.get("CF-IPCountry");
  return { colo: isolateColo, country: country !== null && COUNTRY.test(country) ? country : "" };
}

function coloOf(cf: unknown): string {
  if (typeof cf !== "object" || cf === null || !("colo" in cf)) return "";
  return typeof cf.colo === "string" ? cf.colo : "";
}

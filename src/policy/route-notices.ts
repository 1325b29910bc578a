/** The headers by which a route announces its end: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594). Pure. */
import type { RouteNotices } from "./compiled.ts";
import { type Fault, pointer } from "./fault.ts";
import type { RouteDocument } from "./schema.ts";

/** @param path of the route in the document. Null: it announces nothing. */
export function noticesOf(
  { deprecated, sunset }: RouteDocument,
  path: readonly PropertyKey[],
  faults: Fault[],
): RouteNotices | null {
  if (deprecated === undefined && sunset === undefined) return null;
  const [deprecatedMs, sunsetMs] = [timeOf(deprecated), timeOf(sunset)];
  if (deprecatedMs !== null && sunsetMs !== null && sunsetMs < deprecatedMs) {
    const message = "must not be before `deprecated` (RFC 9745, section 4)";
    faults.push({ path: pointer([...path, "sunset"]), message });
  }
  return {
    deprecation: deprecatedMs === null ? null : `@${Math.floor(deprecatedMs / 1_000)}`,
    sunset: sunsetMs === null ? null : new Date(sunsetMs).toUTCString(),
  };
}

/** A date alone is its beginning in UTC. */
function timeOf(date: string | undefined): number | null {
  return date === undefined ? null : Date.parse(date);
}

/**
 * Whether an upstream behind a proxy can read a request as anything but what is limited here.
 *
 * The gateway forwards the path that it has matched, and drops headers that override it. A proxy forwards both as its client wrote them,
 * perhaps normalized in its own way. So here, what the gateway would change is rejected if it makes a difference. Pure.
 */
import { canonicalPath, pathToMatch } from "../gateway/canonical-path.ts";
import { foldedName, isOverride, OVERRIDES } from "../header-names.ts";
import type { Policy } from "../policy/compile.ts";
import { METHODS } from "../policy/route-table.ts";

/** Read as part of the question, if a proxy sends it: original-request.ts. */
const ASKED_BY = "x-original-url";
const ENCODED = /%([0-9a-f]{2})/gi;

/**
 * What is wrong, as a sentence; null: nothing that the gateway does not find itself.
 * @param written the path as the client wrote it. @param asked the path of the request that the gateway gets: a URL, so it is resolved.
 */
export function disagreementOf(
  policy: Policy,
  method: string,
  written: string,
  asked: string,
  headers: Headers,
): string | null {
  const canonical = canonicalPath(asked);
  // Ambiguous: the gateway rejects it.
  if (canonical === null) return null;
  if (decoded(written) !== decoded(canonical)) {
    return "The path has dot segments, empty segments or backslashes: proxies and servers resolve them in different ways. Write it without.";
  }
  // Any other method, however long, would only fill the memory of recent paths.
  const known = METHODS.includes(method) ? method : "OPTIONS";
  const match = policy.routes.match(known, pathToMatch(canonical));
  if (match.kind !== "route") return null;
  if (written !== canonical || written.includes("%")) {
    const raw = policy.routes.match(known, upperHex(written));
    if (raw.kind !== "route" || raw.route !== match.route) {
      return "The path is ambiguous: it encodes characters that need no encoding, and a server that does not decode them would take it for another route. Write it without.";
    }
  }
  if (match.route.forwardOverrides || !hasOverride(headers)) return null;
  return `The headers ${[...OVERRIDES].filter((name) => name !== ASKED_BY).join(", ")} may make a server handle another request than the one that is limited. The proxy must remove them.`;
}

/** Each byte as a character: to compare two spellings of a path. */
function decoded(path: string): string {
  return path.replaceAll(ENCODED, (_encoded, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

function upperHex(path: string): string {
  return path.replaceAll(ENCODED, (encoded) => encoded.toUpperCase());
}

function hasOverride(headers: Headers): boolean {
  return [...headers.keys()].some((name) => name !== ASKED_BY && isOverride(foldedName(name)));
}

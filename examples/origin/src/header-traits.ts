/**
 * The traits that a request's headers show. Reads a fixed list of names, so that no credential, cookie or
 * address can ever become a trait. Left out on purpose: `sec-fetch-*`, which tells how a request was made and
 * changes from one to the next, and the `sec-ch-*` of network and viewport, which change as a device moves.
 */
import { MAX_VALUE_LENGTH, type Traits, traitSet } from "./traits.ts";

/**
 * Stable from one request of a client to its next. Removing one changes every fingerprint made of headers.
 */
export const TRAIT_HEADERS: readonly string[] = [
  "accept",
  "accept-encoding",
  "accept-language",
  "sec-ch-ua",
  "sec-ch-ua-arch",
  "sec-ch-ua-bitness",
  "sec-ch-ua-form-factors",
  "sec-ch-ua-full-version-list",
  "sec-ch-ua-mobile",
  "sec-ch-ua-model",
  "sec-ch-ua-platform",
  "sec-ch-ua-platform-version",
  "sec-ch-ua-wow64",
  "user-agent",
];

/**
 * Absent and empty headers are no traits. A longer value than a trait may have is cut, always at the same
 * place.
 */
export function headerTraits(headers: Headers): Traits {
  return traitSet(
    TRAIT_HEADERS.flatMap((name): [string, string][] => {
      const value = headers.get(name)?.trim() ?? "";
      return value === "" ? [] : [[name, value.slice(0, MAX_VALUE_LENGTH)]];
    }),
  );
}

/**
 * The traits in a request's headers. Reads a fixed list of names, so that a credential, cookie or address can never become
 * a trait. Deliberately omits `sec-fetch-*`, which differs between requests of the same client, and the `sec-ch-*` headers
 * of network and viewport, which change as a device moves.
 */
import { MAX_VALUE_LENGTH, type Traits, traitSet } from "./traits.ts";

/**
 * The same in all requests of a client. Removing one changes every fingerprint of headers.
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
 * Skips missing and empty headers. Truncates values to {@link MAX_VALUE_LENGTH}.
 */
export function headerTraits(headers: Headers): Traits {
  return traitSet(
    TRAIT_HEADERS.flatMap((name): [string, string][] => {
      const value = headers.get(name)?.trim() ?? "";
      return value === "" ? [] : [[name, value.slice(0, MAX_VALUE_LENGTH)]];
    }),
  );
}

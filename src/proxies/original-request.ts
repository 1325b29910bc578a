/**
 * Reads which request a proxy asks about: from headers that the proxy sets, or, as Envoy sends it, from the method and the path of the
 * question itself. Pure.
 *
 * Clients can send the same headers, and a proxy may pass on those that it does not set. So all that are there must agree: whatever a client
 * adds can make its own request fail, and nothing else.
 */
import { parseAddress } from "../identity/address.ts";

/** The request of a proxy's client. */
export interface OriginalRequest {
  readonly kind: "request";
  readonly method: string;
  /** Path and query, as the client wrote them: printable ASCII without spaces, from the first slash on. */
  readonly uri: string;
  /** The client's address, as the proxy saw it. */
  readonly address: string;
}

export type ReadRequest = OriginalRequest | { readonly kind: "invalid"; readonly detail: string };

const METHOD_HEADERS = ["X-Forwarded-Method", "X-Original-Method"] as const;
const URI_HEADERS = ["X-Forwarded-Uri", "X-Original-URI"] as const;
/** The whole URL, as the ingress controller of nginx sends it. */
const URL_HEADER = "X-Original-URL";
const ADDRESS_HEADER = "X-Forwarded-For";

/** Methods are case-sensitive, and all that a policy can name are in upper case. */
const METHOD = /^[A-Z]+(?:-[A-Z]+)*$/;
const MAX_METHOD = 32;
/** No space: two lines of a header arrive as one, joined by a comma and a space. */
const URI = /^\/[!-"$-~]*$/;
/** No path can begin earlier than it ends the authority: such a URL has two readings. */
const URL_OF = /^https?:\/\/[^/?#\\@\s]+(\/.*)$/i;

/** @param rest of the question's own path and query, behind the endpoint's path: "" or a path if the proxy asks as Envoy does. */
export function originalRequest(headers: Headers, method: string, rest: string): ReadRequest {
  const uris = [...URI_HEADERS.map((name) => headers.get(name)), urlPath(headers.get(URL_HEADER))];
  const ownPath = rest === "" ? null : rest;
  const methods = [...METHOD_HEADERS.map((name) => headers.get(name)), ownPath === null ? null : method];
  const uri = agreed([...uris, ownPath]);
  if (uri.kind === "none") {
    return invalid(
      `Nothing says what is asked about: send ${URI_HEADERS.join(" or ")} with the path and query of the client's request, or append them to this path.`,
    );
  }
  if (uri.kind === "differ") return disagreement([...URI_HEADERS, URL_HEADER, "the path of this request"]);
  if (!URI.test(uri.value)) {
    return invalid(
      "The URI of the client's request must be a path with its query: from a slash on, in printable ASCII, without spaces and fragment, and once.",
    );
  }
  const sent = agreed(methods);
  if (sent.kind === "none") {
    return invalid(`Send the method of the client's request in ${METHOD_HEADERS.join(" or ")}.`);
  }
  if (sent.kind === "differ") return disagreement([...METHOD_HEADERS, "the method of this request"]);
  if (sent.value.length > MAX_METHOD || !METHOD.test(sent.value)) {
    return invalid("The method of the client's request must be one method, in upper case.");
  }
  const address = lastOf(headers.get(ADDRESS_HEADER));
  if (address === null || parseAddress(address) === null) {
    return invalid(
      `The last entry of ${ADDRESS_HEADER} must be the address of the client, without a port: it is who a request without a credential is from.`,
    );
  }
  return { kind: "request", method: sent.value, uri: uri.value, address };
}

/** The part of a URL behind its authority. Anything else is returned as it is, and is no path. */
function urlPath(url: string | null): string | null {
  return url === null ? null : (URL_OF.exec(url)?.[1] ?? url.replace(/^\/*/, ""));
}

type Agreed =
  | { readonly kind: "none" }
  | { readonly kind: "differ" }
  | { readonly kind: "one"; readonly value: string };

function agreed(values: readonly (string | null)[]): Agreed {
  const sent = new Set(values.filter((value) => value !== null));
  const [value] = sent;
  if (value === undefined) return { kind: "none" };
  return sent.size > 1 ? { kind: "differ" } : { kind: "one", value };
}

function lastOf(list: string | null): string | null {
  return list === null ? null : list.slice(list.lastIndexOf(",") + 1).trim();
}

function disagreement(names: readonly string[]): ReadRequest {
  return invalid(
    `These name different requests: ${names.join(", ")}. The proxy must set one of them and remove the others that a client sends.`,
  );
}

function invalid(detail: string): ReadRequest {
  return { kind: "invalid", detail };
}

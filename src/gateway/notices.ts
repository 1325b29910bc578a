/** Adds the headers to a response by which its route announces its end. An upstream's own are replaced: the policy decides. */
import type { RouteNotices } from "../policy/compiled.ts";

export function withNotices(response: Response, notices: RouteNotices): Response {
  try {
    write(response.headers, notices);
    return response;
  } catch {
    // The headers of a response that a handler fetched are immutable.
    const copy = new Response(response.body, response);
    write(copy.headers, notices);
    return copy;
  }
}

/** @throws TypeError if the headers are immutable. */
function write(headers: Headers, { deprecation, sunset }: RouteNotices): void {
  if (deprecation !== null) headers.set("Deprecation", deprecation);
  if (sunset !== null) headers.set("Sunset", sunset);
}

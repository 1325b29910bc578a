/** Requests that are turned away before a decision, and the problems that say why. */
import { problem } from "../edge/problem.ts";
import type { Exchange } from "./exchange.ts";
import { MAX_HOPS } from "./hops.ts";

/** Marks a request as turned away before a decision. */
export function turnedAway(exchange: Exchange, reason: string, response: Response): Response {
  exchange.reason = reason;
  exchange.failed = false;
  return response;
}

export function unsendable({ method }: Request, requestId: string): Response {
  const errors = [{ path: "", message: `${method} takes no content` }];
  return problem("invalid_request", `A ${method} request cannot be forwarded with content.`, requestId, {
    errors,
  });
}

/** Its body was to be read before the limiter is asked. */
export function brokenOff(requestId: string): Response {
  return problem("invalid_request", "The body broke off, or made no progress for 30 s.", requestId);
}

export function looping(requestId: string): Response {
  const detail = `The request has passed ${MAX_HOPS} gateways: the upstream of some route leads back here. Point it at the API itself.`;
  return problem("loop_detected", detail, requestId);
}

const AMBIGUOUS =
  "The path is ambiguous: it has an empty segment, an encoded slash or control character, a backslash, a stray percent sign, or a dot segment with parameters or spaces.";
const MISSPELT =
  "The path is ambiguous: servers that ignore case, a trailing slash, path parameters, or spaces and dots at the end of a segment would take it for another path, which has different requirements. Write it as the API documents it.";

/** Servers read the path in different ways. */
export function ambiguous(requestId: string): Response {
  return badPath(requestId, AMBIGUOUS);
}

/** Servers take the path for one of another route. */
export function misspelt(requestId: string): Response {
  return badPath(requestId, MISSPELT);
}

function badPath(requestId: string, detail: string): Response {
  const errors = [{ path: "", message: "the path is ambiguous" }];
  return problem("invalid_request", detail, requestId, { errors });
}

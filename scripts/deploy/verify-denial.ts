/**
 * Proves that the limiter limits: sends anonymous requests to a limited route until one is denied, and checks the
 * headers and body of the 429. Spends the tokens of this machine's address; allowed requests reach the upstream.
 */
import { parsed, textIn } from "../doctor/fields.ts";
import { reasonOf } from "../doctor/target.ts";
import { limitedRoutes } from "./limited-routes.ts";
import { type Deployment, done, failed, skip, type StepResult } from "./step.ts";

/** Requests to send at most, to spare the upstream. Routes with a higher limit are not tried. */
const MAX_REQUESTS = 200;
/** Sent concurrently, so that a distant product receives them faster than its bucket refills. */
const CONCURRENCY = 10;
const REQUEST_TIMEOUT_MS = 10_000;

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** Result of the requests to one route. */
type DrainResult =
  | { readonly kind: "denied"; readonly allowed: number; readonly denial: Reply }
  | { readonly kind: "never-denied"; readonly allowed: number }
  /** The response has no RateLimit field: the policy in force does not limit this route. */
  | { readonly kind: "not-limited"; readonly status: number }
  | { readonly kind: "unreachable"; readonly reason: string };

export async function verifyDenial(
  { options, url, versionId, headers }: Deployment,
  say: (line: string) => void,
): Promise<StepResult> {
  if (!url) return skip(versionId ? "wrangler reported no URL" : "no running product");
  const routes = (await limitedRoutes(options.root)).filter(({ allowed }) => allowed < MAX_REQUESTS);
  if (routes.length === 0) {
    return skip(`no route of policy/default.json denies an anonymous GET within ${MAX_REQUESTS} requests`);
  }
  say("  This spends the tokens of this machine's address; allowed requests reach the upstream.");
  const notLimited: string[] = [];
  for (const { path } of routes) {
    const drained = await drain(new URL(path, url), headers);
    switch (drained.kind) {
      case "denied":
        return judge(path, drained.allowed, drained.denial);
      case "never-denied":
        return failed(
          `GET ${path} was allowed ${drained.allowed} times and never denied`,
          `check the policy in force and the limiter: npm run doctor -- --url ${url.origin}`,
        );
      case "unreachable":
        return failed(
          `GET ${path}: ${drained.reason}`,
          `find the cause: npm run doctor -- --url ${url.origin}`,
        );
      case "not-limited":
        notLimited.push(`GET ${path} returns ${drained.status}`);
        say(
          `  GET ${path} returns ${drained.status} without RateLimit: the policy in force differs; trying the next route`,
        );
    }
  }
  return failed(
    `no route is limited: ${notLimited.join(", ")}`,
    "make policy/default.json match the policy in force, or read the Worker's log: npx wrangler tail",
  );
}

/** Sends one request first, then batches; reads the replies in the order of sending. */
async function drain(url: URL, headers: Deployment["headers"]): Promise<DrainResult> {
  let allowed = 0;
  let concurrency = 1;
  while (allowed < MAX_REQUESTS) {
    const count = Math.min(concurrency, MAX_REQUESTS - allowed);
    const replies = await Promise.all(Array.from({ length: count }, () => send(url, headers)));
    for (const reply of replies) {
      if (typeof reply === "string") return { kind: "unreachable", reason: reply };
      const isLimited = reply.headers.has("RateLimit");
      if (reply.status === 429) return { kind: "denied", allowed, denial: reply };
      if (!isLimited) return { kind: "not-limited", status: reply.status };
      allowed += 1;
    }
    concurrency = CONCURRENCY;
  }
  return { kind: "never-denied", allowed };
}

/** The reply, or the reason there is none. */
async function send(url: URL, own: Deployment["headers"]): Promise<Reply | string> {
  try {
    const response = await fetch(url, {
      redirect: "manual",
      headers: own,
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const { status, headers } = response;
    return { status, headers, body: parsed(await response.text()) };
  } catch (thrown) {
    return reasonOf(thrown);
  }
}

/** What every denial must carry (see the problems and limit headers in the docs). */
const PROMISES: readonly { readonly what: string; readonly isKept: (denial: Reply) => boolean }[] = [
  {
    what: "Content-Type application/problem+json",
    isKept: ({ headers }) => headers.get("Content-Type")?.startsWith("application/problem+json") ?? false,
  },
  { what: 'code "quota_exceeded"', isKept: ({ body }) => textIn(body, "code") === "quota_exceeded" },
  {
    what: "Retry-After in whole seconds",
    isKept: ({ headers }) => /^[1-9]\d*$/.test(headers.get("Retry-After") ?? ""),
  },
  { what: "RateLimit", isKept: ({ headers }) => /;r=\d+;t=\d+/.test(headers.get("RateLimit") ?? "") },
  {
    what: "RateLimit-Policy",
    isKept: ({ headers }) => /;q=\d+;w=\d+/.test(headers.get("RateLimit-Policy") ?? ""),
  },
];

function judge(path: string, allowed: number, denial: Reply): StepResult {
  const broken = PROMISES.filter(({ isKept }) => !isKept(denial)).map(({ what }) => what);
  if (broken.length > 0) {
    return failed(
      `GET ${path} returned 429 without ${broken.join(", ")}`,
      "find out what sends this 429: the limiter sends all of these; a proxy in front or the upstream may not",
    );
  }
  const retry = denial.headers.get("Retry-After");
  const left = denial.headers.get("RateLimit");
  return done(`429 on GET ${path} after ${allowed} allowed; Retry-After: ${retry}; RateLimit: ${left}`);
}

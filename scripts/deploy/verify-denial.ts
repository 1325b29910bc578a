/**
 * Proves that the limiter limits: anonymous requests to a limited route until one is refused, and whether the refusal is
 * what 3-wire promises. Spends the bucket of this machine's address, and what passes reaches the upstream.
 */
import { parsed, textIn } from "../doctor/fields.ts";
import { reasonOf } from "../doctor/target.ts";
import { limitedRoutes } from "./limited-routes.ts";
import { type Deployment, done, failed, skip, type StepResult } from "./step.ts";

/** No more than this is sent: a limit that needs more is not worth the upstream's while. */
const MAX_REQUESTS = 200;
/** Sent together, so that a far product is asked faster than its bucket refills. */
const TOGETHER = 10;
const REQUEST_TIMEOUT_MS = 10_000;

interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: unknown;
}

/** What became of the requests to one route. */
type Drained =
  | { readonly kind: "denied"; readonly passed: number; readonly denial: Reply }
  | { readonly kind: "never-denied"; readonly passed: number }
  /** The limiter does not limit this route: it says so by its status and by sending no limits. */
  | { readonly kind: "not-limited"; readonly status: number }
  | { readonly kind: "unreachable"; readonly reason: string };

export async function verifyDenial(
  { options, url, versionId }: Deployment,
  say: (line: string) => void,
): Promise<StepResult> {
  if (!url) return skip(versionId ? "wrangler named no address to ask" : "nothing runs to be asked");
  const routes = (await limitedRoutes(options.root)).filter(({ passes }) => passes < MAX_REQUESTS);
  if (routes.length === 0) {
    return skip(`no route of policy/default.json refuses an anonymous GET within ${MAX_REQUESTS} requests`);
  }
  say("  This spends the tokens of this machine's address; what passes reaches the upstream.");
  const notLimited: string[] = [];
  for (const { path } of routes) {
    const drained = await drain(new URL(path, url));
    switch (drained.kind) {
      case "denied":
        return judge(path, drained.passed, drained.denial);
      case "never-denied":
        return failed(
          `GET ${path} passed ${drained.passed} times and was never refused`,
          `look at the policy in force and the limiter: npm run doctor -- --url ${url.origin}`,
        );
      case "unreachable":
        return failed(`GET ${path}: ${drained.reason}`, `npm run doctor -- --url ${url.origin} says more`);
      case "not-limited":
        notLimited.push(`GET ${path} answers ${drained.status}`);
        say(
          `  GET ${path} answers ${drained.status} without limits: the policy in force is another; the next route`,
        );
    }
  }
  return failed(
    `no route is limited: ${notLimited.join(", ")}`,
    "bring policy/default.json to what is in force there, or look at the Worker's log: npx wrangler tail",
  );
}

/** One request first, then together; the replies are looked at in the order of sending. */
async function drain(url: URL): Promise<Drained> {
  let passed = 0;
  let together = 1;
  while (passed < MAX_REQUESTS) {
    const count = Math.min(together, MAX_REQUESTS - passed);
    const replies = await Promise.all(Array.from({ length: count }, () => send(url)));
    for (const reply of replies) {
      if (typeof reply === "string") return { kind: "unreachable", reason: reply };
      const isLimited = reply.headers.has("RateLimit");
      if (reply.status === 429) return { kind: "denied", passed, denial: reply };
      if (!isLimited) return { kind: "not-limited", status: reply.status };
      passed += 1;
    }
    together = TOGETHER;
  }
  return { kind: "never-denied", passed };
}

/** The reply, or why there is none. */
async function send(url: URL): Promise<Reply | string> {
  try {
    const response = await fetch(url, {
      redirect: "manual",
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    });
    const { status, headers } = response;
    return { status, headers, body: parsed(await response.text()) };
  } catch (thrown) {
    return reasonOf(thrown);
  }
}

/** What a refusal must carry (docs: problems and limit headers). */
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

function judge(path: string, passed: number, denial: Reply): StepResult {
  const broken = PROMISES.filter(({ isKept }) => !isKept(denial)).map(({ what }) => what);
  if (broken.length > 0) {
    return failed(
      `GET ${path} was refused with 429, but without ${broken.join(", ")}`,
      "see who refuses: the product's own refusals carry all of it; a proxy in front, or the upstream, may not",
    );
  }
  const retry = denial.headers.get("Retry-After");
  const left = denial.headers.get("RateLimit");
  return done(`429 on GET ${path} after ${passed} passed; Retry-After: ${retry}; RateLimit: ${left}`);
}

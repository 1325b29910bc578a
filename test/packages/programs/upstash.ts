/** A program written for @upstash/ratelimit, but for its first lines. Prints how many requests were admitted. */
import { EdgeLimiter } from "@edge-limiter/client";
import { Ratelimit } from "@edge-limiter/client/upstash";

const [url = "", key = "", user = "", requests = "0"] = process.argv.slice(2);
const ratelimit = new Ratelimit({
  limiter: new EdgeLimiter({ url, key, timeoutMs: 30_000, onFailure: "closed" }),
  prefix: "upstash:",
});

async function handle(identifier: string): Promise<Response> {
  const { success, limit, remaining, reset, pending } = await ratelimit.limit(identifier);
  await pending;
  const headers = {
    "X-RateLimit-Limit": String(limit),
    "X-RateLimit-Remaining": String(remaining),
    "Retry-After": String(Math.ceil((reset - Date.now()) / 1000)),
  };
  return success ? new Response("ok", { headers }) : new Response("too many", { status: 429, headers });
}

const responses = await Promise.all(Array.from({ length: Number(requests) }, () => handle(user)));
const left = await ratelimit.getRemaining(user);
if (left.limit !== 100) throw new Error(`the limit is ${left.limit}`);
const statuses = responses.map(({ status }) => status);
console.log(
  statuses.filter((status) => status === 200).length,
  statuses.filter((status) => status === 429).length,
);

/**
 * Envoy's global rate limit service, as Envoy's `grpc_http1_reverse_bridge` calls it: the method's protobuf message as the body of a POST.
 * The same message may be sent as JSON.
 *
 * Each descriptor is an operation of the decision API, decided by itself: if one is over its limit, the others are charged nevertheless.
 */
import type { Context } from "hono";
import { placeOf } from "../../analytics/place.ts";
import { readBody } from "../../api/body.ts";
import { checkMany, type CheckResult, type Origin } from "../../api/decisions/check.ts";
import type { Decision } from "../../core/decision.ts";
import { unitCosts } from "../../core/unit-costs.ts";
import { toMilli } from "../../core/units.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { operationOf } from "./descriptor-operation.ts";
import {
  fromJson,
  type RateLimitRequest,
  rateLimitRequestSchema,
  readRateLimitRequest,
} from "./rate-limit-request.ts";
import {
  type DescriptorStatus,
  encodeResponse,
  jsonResponse,
  REJECTED,
  responseOf,
  statusOf,
  UNLIMITED,
} from "./rate-limit-response.ts";

const PROTOBUF = "application/x-protobuf";
/** More than a hundred descriptors of Envoy's need. */
const MAX_BYTES = 65_536;
const NOT_A_MESSAGE =
  "The body is not a message of the type envoy.service.ratelimit.v3.RateLimitRequest, or has more than 100 descriptors or 32 entries in one.";

export async function shouldRateLimit(c: Context<AppEnv>): Promise<Response> {
  const type = c.req.header("Content-Type")?.split(";")[0]?.trim().toLowerCase();
  const isProtobuf = type === PROTOBUF;
  const read = await (isProtobuf ? readMessage(c) : readJson(c));
  if (read instanceof Response) {
    c.var.services.metrics.add("proxyCalls", ["envoy", "malformed"]);
    return read;
  }
  const answered = await decide(c, read);
  const headers = {
    "Content-Type": isProtobuf ? PROTOBUF : "application/json",
    "Cache-Control": "no-store",
  };
  return isProtobuf
    ? new Response(encodeResponse(answered), { headers })
    : Response.json(jsonResponse(answered), { headers });
}

async function readJson(c: Context<AppEnv>): Promise<RateLimitRequest | Response> {
  const body = await readBody(c, rateLimitRequestSchema);
  return body.ok ? fromJson(body.value) : body.response;
}

async function readMessage(c: Context<AppEnv>): Promise<RateLimitRequest | Response> {
  const { requestId } = c.var;
  const bytes = await readBytes(c.req.raw);
  if (bytes === null) {
    const message = `is larger than ${MAX_BYTES} bytes`;
    return problem("too_large", `The body ${message}.`, requestId, { errors: [{ path: "", message }] });
  }
  const message = readRateLimitRequest(bytes);
  if (message) return message;
  const errors = [{ path: "", message: "is not a RateLimitRequest" }];
  return problem("invalid_request", NOT_A_MESSAGE, requestId, { errors });
}

/** Null: too many. Never reads beyond the bound, whatever Content-Length says. A body that breaks off ends where it does. */
async function readBytes({ body }: Request): Promise<Uint8Array | null> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of body ?? []) {
      length += chunk.byteLength;
      if (length > MAX_BYTES) return null;
      chunks.push(chunk);
    }
  } catch {
    // The proxy has left, so no one reads the response. No message can end anywhere: at the least, it is not decided.
    return Uint8Array.of(0);
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

async function decide(c: Context<AppEnv>, { descriptors, hits }: RateLimitRequest) {
  const { services, policy, caller, requestId } = c.var;
  const count = (result: string): void => services.metrics.add("proxyCalls", ["envoy", result]);
  const asked = descriptors.map((descriptor) => operationOf(descriptor, hits, policy));
  const operations = asked.flatMap((one) => (one.kind === "operation" ? [one.operation] : []));
  const origin: Origin = {
    caller: caller.keyId ?? "",
    account: caller.subject,
    method: c.req.method,
    place: placeOf(c.req.raw),
    requestId,
    operationsBefore: 0,
  };
  const waitUntil = (work: Promise<unknown>): void => c.executionCtx.waitUntil(work);
  const results = await checkMany(operations, services, policy, waitUntil, origin);
  // In the order of the operations.
  const rest = results.values();
  const statuses: DescriptorStatus[] = [];
  const decisions: (Decision | null)[] = [];
  for (const one of asked) {
    const decision = one.kind === "operation" ? decisionOf(rest.next().value) : null;
    decisions.push(decision);
    if (one.kind === "unknown") {
      statuses.push(UNLIMITED);
      count("unknown");
    } else if (decision === null) {
      statuses.push(REJECTED);
      count("invalid");
    } else {
      statuses.push(statusOf(decision));
      count(decision.allowed ? "ok" : "over_limit");
      if (one.kind === "operation" && one.isPartlyUnknown) count("unknown_value");
      if (one.kind === "operation") freeSlots(one.operation.user, decision);
    }
  }
  return responseOf(statuses, decisions);

  /** Envoy does not report when a request ends, so its descriptor holds no slot. */
  function freeSlots(user: string, { reservation, cost, units = {} }: Decision): void {
    if (reservation === undefined) return;
    const others = unitCosts(Object.entries(units).map(([unit, amount]) => [unit, toMilli(amount) ?? 0]));
    const call = {
      kind: "settle",
      id: reservation.id,
      costMilli: toMilli(cost) ?? 0,
      units: others,
    } as const;
    waitUntil(services.limiter.settleSurely(userSubject(user), call, policy, waitUntil));
  }
}

/** Null: the operation could not be decided, so it may not pass. */
function decisionOf(result: CheckResult | undefined): Decision | null {
  return result?.kind === "decision" ? result.decision : null;
}

/** The decision API under /api/v1/rate-limit: a caller's own status, and checks by other services, single or in batches. */
import type { Context } from "hono";
import * as z from "zod/mini";
import { placeOf } from "../../analytics/place.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { tierOfCaller } from "../../edge/caller-tier.ts";
import { overloaded, tooManyReservations } from "../../edge/decision-response.ts";
import {
  MISMATCH,
  problem,
  RESERVATION_GONE,
  RETRY_MS,
  TOO_MANY_RESERVATIONS,
  unauthorized,
  unavailable,
} from "../../edge/problem.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { isUserId } from "../../identity/user-id.ts";
import { parseJson } from "../../json.ts";
import type { WaitUntil } from "../../wait-until.ts";
import { invalidContent, readBody } from "../body.ts";
import { LIMIT, type Endpoints } from "../endpoint.ts";
import { operationId } from "../operation-id.ts";
import { checkMany, type CheckResult, type Origin } from "./check.ts";
import { type Line, linesOf } from "./ndjson.ts";
import { MAX_BATCH, operationSchema, settleSchema } from "./operation.ts";

const NDJSON = "application/x-ndjson";
const NOT_RESPONDING = "The limiter is not responding.";

/** Items are parsed one by one, so that an invalid one fails alone. */
const batchSchema = z.array(z.unknown()).check(z.minLength(1), z.maxLength(MAX_BATCH));

export const DECISIONS = {
  status: { method: "GET", path: `${LIMIT}/status`, access: "caller", handler: status },
  userStatus: { method: "GET", path: `${LIMIT}/status/:id`, access: "check", handler: userStatus },
  check: { method: "POST", path: `${LIMIT}/check`, access: "check", body: operationSchema, handler: check },
  checkBatch: {
    method: "POST",
    path: `${LIMIT}/check/batch`,
    access: "check",
    body: batchSchema,
    handler: checkBatch,
  },
  settle: {
    method: "POST",
    path: `${LIMIT}/settle`,
    access: "check",
    body: settleSchema,
    handler: settle,
  },
} as const satisfies Endpoints;

async function status(c: Context<AppEnv>): Promise<Response> {
  const { services, caller, policy, requestId } = c.var;
  const request = {
    revision: policy.revision,
    tier: tierOfCaller(caller, policy),
    keyId: caller.keyId,
  };
  const answer = await services.limiter.accounts.status(caller.subject, request, Date.now(), waitUntilOf(c));
  if (answer === "overloaded") return overloaded(requestId);
  if (!answer) return unavailable(NOT_RESPONDING, requestId);
  if (answer.kind === "revoked")
    return unauthorized("The API key has been revoked or has expired.", requestId);
  // Limits in shadow are the operator's business.
  const { kind: _kind, shadow: _shadow, ...view } = answer;
  return c.json({ user: caller.user, ...view });
}

/** What the RPC entrypoint's `status` answers: for services, which may check any user. */
async function userStatus(c: Context<AppEnv>): Promise<Response> {
  const { services, policy, requestId } = c.var;
  const user = c.req.param("id") ?? "";
  if (!isUserId(user)) return problem("not_found", "This is no user's id.", requestId);
  const request = { revision: policy.revision, tier: policy.defaultTier, keyId: null };
  const { accounts } = services.limiter;
  const answer = await accounts.status(userSubject(user), request, Date.now(), waitUntilOf(c));
  if (answer === "overloaded") return overloaded(requestId);
  if (!answer || answer.kind === "revoked") return unavailable(NOT_RESPONDING, requestId);
  const { kind: _kind, ...view } = answer;
  return c.json({ user, ...view });
}

async function check(c: Context<AppEnv>): Promise<Response> {
  const { services, policy, requestId } = c.var;
  const body = await readBody(c, operationSchema);
  if (!body.ok) return body.response;
  const [result] = await checkMany([body.value], services, policy, waitUntilOf(c), originOf(c, null));
  c.set("isRecorded", true);
  return result ? responseTo(c, result, requestId) : unavailable(NOT_RESPONDING, requestId);
}

async function settle(c: Context<AppEnv>): Promise<Response> {
  const { services, policy, requestId } = c.var;
  const body = await readBody(c, settleSchema);
  if (!body.ok) return body.response;
  const [result] = await checkMany([body.value], services, policy, waitUntilOf(c), originOf(c, null));
  c.set("isRecorded", true);
  return result ? responseTo(c, result, requestId) : unavailable(NOT_RESPONDING, requestId);
}

function responseTo(c: Context<AppEnv>, result: CheckResult, requestId: string): Response {
  switch (result.kind) {
    case "invalid":
      return invalidContent(requestId, result.faults).response;
    case "mismatch":
      return problem("idempotency_mismatch", MISMATCH, requestId);
    case "reservation":
      return c.json(result.answer);
    case "gone":
      return problem("reservation_gone", RESERVATION_GONE, requestId);
    case "overloaded":
      return overloaded(requestId);
    case "unavailable":
      return unavailable(NOT_RESPONDING, requestId);
    case "decision": {
      const { outcome, retryAfterMs } = result.decision;
      if (outcome === "too_many_reservations") return tooManyReservations(requestId);
      if (outcome !== "unavailable") return c.json(result.decision);
      return unavailable(NOT_RESPONDING, requestId, retryAfterMs ?? undefined);
    }
  }
}

async function checkBatch(c: Context<AppEnv>): Promise<Response> {
  if (mediaType(c) === NDJSON) return streamedBatch(c);
  const body = await readBody(c, batchSchema);
  if (!body.ok) return body.response;
  const results = await checkMany(body.value, c.var.services, c.var.policy, waitUntilOf(c), originOf(c, 0));
  return c.json(results.map(batchItem));
}

/** Without parameters, in lower case: media types are case-insensitive (RFC 9110, section 8.3.1). */
function mediaType(c: Context<AppEnv>): string | undefined {
  return c.req.header("Content-Type")?.split(";")[0]?.trim().toLowerCase();
}

/** NDJSON: each group of lines is decided and answered as it arrives. */
function streamedBatch(c: Context<AppEnv>): Response {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  c.executionCtx.waitUntil(answerLines(c, writable.getWriter()));
  return new Response(readable, {
    headers: { "Content-Type": NDJSON, "Cache-Control": "no-store", "X-Request-Id": c.var.requestId },
  });
}

/** Never rejects. */
async function answerLines(
  c: Context<AppEnv>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  const { services, policy } = c.var;
  const encoder = new TextEncoder();
  const write = (results: readonly CheckResult[]): Promise<void> =>
    writer.write(encoder.encode(results.map((result) => `${JSON.stringify(batchItem(result))}\n`).join("")));
  let taken = 0;
  try {
    for await (const lines of linesOf(c.req.raw.body ?? new Blob([]).stream())) {
      const accepted = lines.slice(0, MAX_BATCH - taken);
      const origin = originOf(c, taken);
      taken += accepted.length;
      await write(await checkMany(accepted.map(operationOf), services, policy, waitUntilOf(c), origin));
      if (lines.length > accepted.length) {
        const message = `a batch has at most ${MAX_BATCH} operations; the rest was not read`;
        await write([
          { id: operationId(origin.requestId, taken + 1), kind: "invalid", faults: [{ path: "", message }] },
        ]);
        break;
      }
    }
    await writer.close();
  } catch (thrown) {
    // The caller has left, or its body is incomplete. Decisions that were made stand.
    await writer.abort(thrown).catch(() => undefined);
  }
}

function originOf(c: Context<AppEnv>, operationsBefore: number | null): Origin {
  return {
    caller: c.var.caller.keyId ?? "",
    account: c.var.caller.subject,
    method: c.req.method,
    place: placeOf(c.req.raw),
    requestId: c.var.requestId,
    operationsBefore,
  };
}

function waitUntilOf(c: Context<AppEnv>): WaitUntil {
  return (work) => c.executionCtx.waitUntil(work);
}

/** Undefined for a line that cannot be read: not an operation, so it fails alone like any other invalid one. */
function operationOf(line: Line): unknown {
  return line.kind === "line" ? parseJson(line.text) : undefined;
}

/** One item of a batch's response: a decision, or an error with the members of a problem. */
function batchItem(result: CheckResult): object {
  const { id: requestId } = result;
  switch (result.kind) {
    case "invalid":
      return { error: { code: "invalid_request", errors: result.faults, requestId } };
    case "mismatch":
      return { error: { code: "idempotency_mismatch", detail: MISMATCH, requestId } };
    case "reservation":
      return result.answer;
    case "gone":
      return { error: { code: "reservation_gone", detail: RESERVATION_GONE, requestId } };
    case "overloaded":
      return { error: { code: "overloaded", retryAfterMs: RETRY_MS, requestId } };
    case "unavailable":
      return { error: { code: "temporary_reduced_capacity", retryAfterMs: RETRY_MS, requestId } };
    case "decision": {
      const { decision } = result;
      const { outcome, retryAfterMs } = decision;
      if (outcome === "too_many_reservations") {
        return { error: { code: outcome, detail: TOO_MANY_RESERVATIONS, retryAfterMs, requestId } };
      }
      return outcome === "unavailable"
        ? { error: { code: "temporary_reduced_capacity", retryAfterMs, requestId } }
        : decision;
    }
  }
}

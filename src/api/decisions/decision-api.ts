/** The caller's and the services' API under /api/v1/rate-limit: status, check, batch. */
import type { Context } from "hono";
import { placeOf } from "../../analytics/place.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { overloaded } from "../../edge/decision-response.ts";
import { tierOfCaller } from "../../edge/caller-tier.ts";
import { MISMATCH, problem, unauthorized } from "../../edge/problem.ts";
import { parseJson } from "../../json.ts";
import type { WaitUntil } from "../../wait-until.ts";
import { readBody, invalidContent } from "../body.ts";
import { checkMany, type CheckResult, type Origin } from "./check.ts";
import { type Line, linesOf } from "./ndjson.ts";
import { batchSchema, MAX_BATCH, operationSchema } from "../schemas.ts";

/** The body and the answer of a streamed batch. */
const NDJSON = "application/x-ndjson";
const RETRY_MS = 1_000;

export async function status(c: Context<AppEnv>): Promise<Response> {
  const { services, caller, policy, requestId } = c.var;
  const request = {
    revision: policy.revision,
    tier: tierOfCaller(caller, policy),
    keyId: caller.keyId,
  };
  const answer = await services.limiter.accounts.status(caller.subject, request, Date.now(), waitUntilOf(c));
  if (answer === "overloaded") return overloaded(requestId);
  if (!answer) {
    return problem("temporary_reduced_capacity", "The limiter does not answer at the moment.", requestId, {
      retryAfterMs: RETRY_MS,
    });
  }
  if (answer.kind === "revoked")
    return unauthorized("The API key has been revoked or has expired.", requestId);
  const { kind: _kind, ...view } = answer;
  return c.json({ user: caller.user, ...view });
}

export async function check(c: Context<AppEnv>): Promise<Response> {
  const { services, policy, requestId } = c.var;
  const body = await readBody(c, operationSchema);
  if (!body.ok) return body.response;
  const [result] = await checkMany([body.value], services, policy, waitUntilOf(c), originOf(c));
  if (result?.kind === "invalid") return invalidContent(requestId, result.faults).response;
  if (result?.kind === "mismatch") return problem("idempotency_mismatch", MISMATCH, requestId);
  if (result?.decision.outcome !== "unavailable") return c.json(result?.decision);
  return problem("temporary_reduced_capacity", "The limiter does not answer at the moment.", requestId, {
    retryAfterMs: result.decision.retryAfterMs,
  });
}

export async function checkBatch(c: Context<AppEnv>): Promise<Response> {
  if (mediaType(c) === NDJSON) return streamedBatch(c);
  const body = await readBody(c, batchSchema);
  if (!body.ok) return body.response;
  const results = await checkMany(body.value, c.var.services, c.var.policy, waitUntilOf(c), originOf(c));
  return c.json(results.map(batchItem));
}

/** Without parameters; its case means nothing (RFC 9110, section 8.3.1). */
function mediaType(c: Context<AppEnv>): string | undefined {
  return c.req.header("Content-Type")?.split(";")[0]?.trim().toLowerCase();
}

/** NDJSON: each group of lines is decided and answered as it arrives. */
function streamedBatch(c: Context<AppEnv>): Response {
  const { services, policy } = c.var;
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const answer = async (): Promise<void> => {
    const writer = writable.getWriter();
    const encoder = new TextEncoder();
    let taken = 0;
    try {
      for await (const lines of linesOf(c.req.raw.body ?? new Blob([]).stream())) {
        const wanted = lines.slice(0, MAX_BATCH - taken);
        taken += wanted.length;
        const results = await checkMany(
          wanted.map(operationOf),
          services,
          policy,
          waitUntilOf(c),
          originOf(c),
        );
        const text = results.map((result) => `${JSON.stringify(batchItem(result))}\n`).join("");
        await writer.write(encoder.encode(text));
        if (lines.length > wanted.length) {
          const fault = {
            path: "",
            message: `a batch has at most ${MAX_BATCH} operations; the rest was not read`,
          };
          const last = batchItem({ kind: "invalid", faults: [fault] });
          await writer.write(encoder.encode(`${JSON.stringify(last)}\n`));
          break;
        }
      }
      await writer.close();
    } catch (thrown) {
      // The caller is gone, or its body broke off: what was decided stays decided.
      await writer.abort(thrown).catch(() => undefined);
    }
  };
  c.executionCtx.waitUntil(answer());
  return new Response(readable, {
    headers: { "Content-Type": NDJSON, "Cache-Control": "no-store", "X-Request-Id": c.var.requestId },
  });
}

function originOf(c: Context<AppEnv>): Origin {
  return {
    caller: c.var.caller.keyId ?? "",
    method: c.req.method,
    place: placeOf(c.req.raw),
    requestId: c.var.requestId,
  };
}

function waitUntilOf(c: Context<AppEnv>): WaitUntil {
  return (work) => c.executionCtx.waitUntil(work);
}

/** What is not JSON is undefined, which no operation is: it fails alone, like any other bad one. */
function operationOf(line: Line): unknown {
  return line.kind === "line" ? parseJson(line.text) : undefined;
}

/** One item of a batch's answer: a decision, or an error in the shape of a problem's members. */
function batchItem(result: CheckResult): object {
  if (result.kind === "invalid") return { error: { code: "invalid_request", errors: result.faults } };
  if (result.kind === "mismatch") return { error: { code: "idempotency_mismatch", detail: MISMATCH } };
  const { decision } = result;
  if (decision.outcome !== "unavailable") return decision;
  return { error: { code: "temporary_reduced_capacity", retryAfterMs: decision.retryAfterMs } };
}

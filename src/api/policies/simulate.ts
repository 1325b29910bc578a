/**
 * What an edited policy would have done with the requests that were recorded. Changes nothing. The hub replays, which has the
 * record; here the documents are compiled first, so that it gets none with a fault.
 */
import type { Context } from "hono";
import { firstHub } from "../../objects/metrics-hub.ts";
import { DEFAULT_RANGE_MS, MAX_RANGE_MS } from "../../analytics/reports/report-query.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { registryOf } from "../../objects/policy-registry.ts";
import { compilePolicy } from "../../policy/compile.ts";
import type { SimulationAnswer } from "../../simulation/simulation-answer.ts";
import { invalidContent, readBody } from "../body.ts";
import { simulationSchema } from "../schemas.ts";
import { ask, iso } from "../ask.ts";
import { EMBEDDED } from "./policies.ts";
import { spendWork, tokensOf } from "../work-limit.ts";
const RETRY_MS = 1_000;
const NO_RECORD =
  "ANALYTICS is engine, so decisions are not kept where they could be replayed. Set it to embedded or both.";

export async function simulate(c: Context<AppEnv>): Promise<Response> {
  const body = await readBody(c, simulationSchema, (characters) =>
    spendWork(c, "policy", tokensOf(characters)),
  );
  if (!body.ok) return body.response;
  const { document, from, to } = body.value;
  const toMs = to === undefined ? Date.now() + 1 : Date.parse(to);
  const fromMs = from === undefined ? toMs - DEFAULT_RANGE_MS : Date.parse(from);
  const message = rangeFault(fromMs, toMs);
  if (message !== null) return invalidContent(c.var.requestId, [{ path: "/from", message }]).response;
  const compiled = compilePolicy(document, 0);
  if (!compiled.ok) return c.json({ valid: false, errors: compiled.faults, result: null });
  if (c.var.services.settings.analytics === "engine") {
    return problem("not_configured", NO_RECORD, c.var.requestId);
  }
  const refusal = await spendWork(c, "simulate", 1);
  if (refusal) return refusal;
  const replay = async (): Promise<{ revision: number; answer: SimulationAnswer }> => {
    const { revision, document: active } = (await registryOf(c.env.POLICY_REGISTRY).newest()) ?? EMBEDDED;
    const edited = JSON.stringify(document);
    const answer: SimulationAnswer = await firstHub(c.env.METRICS_HUB).simulate({
      active,
      edited,
      revision,
      fromMs,
      toMs,
    });
    return { revision, answer };
  };
  return ask(c, "simulation", replay(), ({ revision, answer }) => {
    if (answer.kind === "busy") {
      const detail = "Another simulation runs at the moment; try again when it has ended.";
      return problem("temporary_reduced_capacity", detail, c.var.requestId, { retryAfterMs: RETRY_MS });
    }
    const { kind: _kind, firstMs, lastMs, ...found } = answer;
    const result = {
      from: iso(fromMs),
      to: iso(toMs),
      revision,
      ...found,
      firstAt: firstMs === null ? null : iso(firstMs),
      lastAt: lastMs === null ? null : iso(lastMs),
    };
    return c.json({ valid: true, errors: [], result });
  });
}

function rangeFault(fromMs: number, toMs: number): string | null {
  if (fromMs >= toMs) return "must lie before to";
  return toMs - fromMs > MAX_RANGE_MS ? "lies more than 93 days before to" : null;
}

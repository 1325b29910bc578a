/**
 * What a draft policy would have done with recorded requests. Changes nothing. The hub has the record and replays it; documents are
 * compiled here first, so that it never gets an invalid one.
 */
import type { Context } from "hono";
import * as z from "zod/mini";
import { firstHub } from "../../objects/metrics-hub.ts";
import { DEFAULT_RANGE_MS, MAX_RANGE_MS } from "../../analytics/reports/report-query.ts";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem, unavailable } from "../../edge/problem.ts";
import { SECOND_MS } from "../../core/time.ts";
import { registryOf } from "../../objects/policy-registry.ts";
import { compilePolicy } from "../../policy/compile.ts";
import type { SimulationAnswer } from "../../simulation/simulation-answer.ts";
import { invalidContent, readBody } from "../body.ts";
import { ask } from "../ask.ts";
import { ADMIN, type Endpoints } from "../endpoint.ts";
import { rangeBound } from "../fields.ts";
import { iso, isoOrNull } from "../rfc3339.ts";
import { spendWork, tokensOf } from "../work-limit.ts";
import { EMBEDDED } from "./revision.ts";

const NO_RECORD =
  "ANALYTICS is engine, so no decisions are stored that could be replayed. Set it to embedded or both.";

const simulationSchema = z.strictObject({
  document: z.unknown(),
  from: rangeBound,
  /** Exclusive. */
  to: rangeBound,
});

export const SIMULATION = {
  simulatePolicy: {
    method: "POST",
    path: `${ADMIN}/simulate`,
    access: "viewer",
    body: simulationSchema,
    handler: simulatePolicy,
  },
} as const satisfies Endpoints;

async function simulatePolicy(c: Context<AppEnv>): Promise<Response> {
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
  const rejection = await spendWork(c, "simulate", 1);
  if (rejection) return rejection;
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
  return ask(c, "metrics hub", replay(), ({ revision, answer }) => {
    if (answer.kind === "busy") {
      return unavailable("Another simulation is running.", c.var.requestId);
    }
    const { kind: _kind, firstMs, lastMs, series, ...found } = answer;
    const { fromMs: startMs, intervalMs, ...steps } = series;
    const result = {
      from: iso(fromMs),
      to: iso(toMs),
      revision,
      ...found,
      series: { from: iso(startMs), intervalSeconds: intervalMs / SECOND_MS, ...steps },
      firstAt: isoOrNull(firstMs),
      lastAt: isoOrNull(lastMs),
    };
    return c.json({ valid: true, errors: [], result });
  });
}

function rangeFault(fromMs: number, toMs: number): string | null {
  if (fromMs >= toMs) return "must be before to";
  return toMs - fromMs > MAX_RANGE_MS ? "must be at most 93 days before to" : null;
}

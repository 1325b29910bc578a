/**
 * What an isolate does before it passes on a denial of the object: for the object, all that is lent is spent, so the isolate may still hold
 * what the request needs. If a lease is for the request, it pays. Otherwise the isolate gives up its leases of the user, which frees what
 * is left of them, and asks once more.
 *
 * So a request is denied only if neither the object nor this isolate can pay. What other isolates hold is free after a second at most.
 */
import { type Decision, type DecisionRequest, isReserving, isTentative } from "../core/decision.ts";
import { MILLI } from "../core/units.ts";
import type { ObjectAnswer, Question } from "../objects/object-call.ts";
import type { Policy } from "../policy/compile.ts";
import { unitsOfRequest } from "../policy/costs.ts";
import type { WaitUntil } from "../wait-until.ts";
import type { Leases } from "./leases.ts";
import type { Answered, RemoteDecisions } from "./remote.ts";

export class AfterDenial {
  readonly #remote: RemoteDecisions;
  readonly #leases: Leases;

  constructor(remote: RemoteDecisions, leases: Leases) {
    this.#remote = remote;
    this.#leases = leases;
  }

  /** The final answers about requests of one subject, in order. Never rejects. @param answered what the object answered. */
  async answers(
    subject: string,
    requests: readonly DecisionRequest[],
    { answers, call }: Answered,
    policy: Policy,
    waitUntil: WaitUntil,
  ): Promise<readonly ObjectAnswer[]> {
    const nowMs = Date.now();
    const final = answers.map((answer, i) => {
      const request = requests[i];
      const decision =
        request && mayPass(answer.decision) ? this.#spend(subject, request, answer, policy, nowMs) : null;
      return decision ? { ...answer, decision } : answer;
    });
    const denied = final.flatMap(({ decision }, i) => (mayPass(decision) ? i : []));
    if (denied.length === 0) return final;
    const mayPassNow = this.#remote.mayPassNow(subject, call);
    const again = mayPassNow ? denied : denied.filter((i) => isOpen(final[i]));
    if (again.length === 0) return final;
    const questions = again.flatMap((i): Question[] => {
      const request = requests[i];
      if (!request) return [];
      return [{ request, decide: true, wantMilli: 0, ...(policy.hasShadow ? { isLast: true } : {}) }];
    });
    again.forEach((i) => {
      const request = requests[i];
      // Neither peeks nor what was not decided yet is counted.
      if (request && !request.peek && !isOpen(final[i])) this.#leases.withdraw(subject, request, nowMs);
    });
    const asked = await this.#remote.ask(subject, questions, policy, waitUntil);
    again.forEach((i, at) => {
      const answer = asked?.answers[at];
      // Without an answer, a denial stands.
      if (answer) final[i] = answer;
      else if (isOpen(final[i])) final[i] = { decision: null, lease: null };
    });
    return final;
  }

  /** Spends a lease for a request; null if this isolate has none that pays. @param answer of the object. */
  #spend(
    subject: string,
    request: DecisionRequest,
    answer: ObjectAnswer,
    policy: Policy,
    nowMs: number,
  ): Decision | null {
    // Only the object can remember a decision, or decide without charging.
    if (request.peek || request.idempotencyKey !== null || isReserving(request)) return null;
    const route = request.route === null ? null : policy.routes.byId(request.route);
    if (unitsOfRequest(request, route) !== null) return null;
    const costMilli = request.costMilli ?? route?.costMilli ?? MILLI;
    const lease = this.#leases.find(subject, request, route, nowMs);
    return lease?.spend(request.route, costMilli, !isOpen(answer)) ? lease.decision(costMilli, nowMs) : null;
  }
}

/** Whether the object has decided nothing yet. */
function isOpen(answer: ObjectAnswer | undefined): boolean {
  return answer?.decision !== null && answer?.decision !== undefined && isTentative(answer.decision);
}

/** Whether it is a denial that what is lent may have caused. */
function mayPass(decision: Decision | null): boolean {
  if (decision?.outcome !== "denied" || decision.retryAfterMs === null) return false;
  return !decision.limits.some(
    ({ name, kind }) => kind === "concurrency" && decision.violated.includes(name),
  );
}

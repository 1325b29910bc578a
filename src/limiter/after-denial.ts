/**
 * What an isolate does before it passes on a denial of the object: for the object, all that is lent is spent, so the isolate may still hold
 * what the request needs. If a lease is for the request, it pays. Otherwise the isolate gives up its leases of the user, which frees what
 * is left of them, and asks once more.
 *
 * So a request is denied only if neither the object nor this isolate can pay. What other isolates hold is free after a second at most.
 */
import type { Decision, DecisionRequest } from "../core/decision.ts";
import { MILLI } from "../core/units.ts";
import type { ObjectAnswer } from "../objects/object-call.ts";
import type { Policy } from "../policy/compile.ts";
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
        request && mayPass(answer.decision) ? this.#spend(subject, request, policy, nowMs) : null;
      return decision ? { ...answer, decision } : answer;
    });
    const again = final.flatMap(({ decision }, i) => (mayPass(decision) ? i : []));
    if (again.length === 0 || !this.#remote.mayPassNow(subject, call)) return final;
    const questions = again.flatMap((i) => {
      const request = requests[i];
      return request ? { request, decide: true, wantMilli: 0 } : [];
    });
    // Peeks are not counted.
    for (const { request } of questions) if (!request.peek) this.#leases.withdraw(subject, request, nowMs);
    const asked = await this.#remote.ask(subject, questions, policy, waitUntil);
    again.forEach((i, at) => {
      const answer = asked?.answers[at];
      // Without an answer, the denial stands.
      if (answer) final[i] = answer;
    });
    return final;
  }

  /** Spends a lease for a request; null if this isolate has none that pays. */
  #spend(subject: string, request: DecisionRequest, policy: Policy, nowMs: number): Decision | null {
    // Only the object can remember a decision, or decide without charging.
    if (request.peek || request.idempotencyKey !== null) return null;
    const route = request.route === null ? null : policy.routes.byId(request.route);
    const costMilli = request.costMilli ?? route?.costMilli ?? MILLI;
    const lease = this.#leases.find(subject, request, route, nowMs);
    return lease?.spend(request.route, costMilli, true) ? lease.decision(costMilli, nowMs) : null;
  }
}

/** Whether it is a denial that what is lent may have caused. */
function mayPass(decision: Decision | null): boolean {
  if (decision?.outcome !== "denied" || decision.retryAfterMs === null) return false;
  return !decision.limits.some(
    ({ name, kind }) => kind === "concurrency" && decision.violated.includes(name),
  );
}

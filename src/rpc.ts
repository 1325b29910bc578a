/**
 * The RPC entrypoint for other Workers: a service binding with `entrypoint = "EdgeLimiter"` asks for decisions with no HTTP
 * between. Same operations, same answers as the decision API; whoever has the binding may ask, so it needs no key.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import { NOWHERE } from "./analytics/place.ts";
import { checkMany, type CheckResult, type Origin } from "./api/decisions/check.ts";
import type { Operation } from "./api/schemas.ts";
import type { Decision } from "./core/decision.ts";
import { MISMATCH } from "./edge/problem.ts";
import type { Services } from "./edge/services.ts";
import { userSubject } from "./identity/authenticate.ts";
import { isUserId } from "./identity/user-id.ts";
import { isolateServices } from "./isolate.ts";
import type { WaitUntil } from "./wait-until.ts";
import type { UserStatus } from "./objects/user-status.ts";
import type { Policy } from "./policy/compile.ts";
import type { Fault } from "./policy/fault.ts";

/** An item of {@link EdgeLimiter.checkMany}: a decision, or why the operation is none. */
export type CheckItem =
  | Decision
  | { readonly error: { readonly code: "invalid_request"; readonly errors: readonly Fault[] } }
  | { readonly error: { readonly code: "idempotency_mismatch"; readonly detail: string } };

export class EdgeLimiter extends WorkerEntrypoint<Env> {
  readonly #waitUntil: WaitUntil = (work) => this.ctx.waitUntil(work);

  /**
   * Decides one operation.
   * @throws TypeError if the operation is malformed or its idempotency key was used with other parameters
   * (`idempotency_mismatch: …`), Error if no policy is known.
   */
  async check(operation: Operation): Promise<Decision> {
    const { services, policy } = await this.#ready();
    const [result] = await checkMany([operation], services, policy, this.#waitUntil, origin());
    if (result?.kind === "decision") return result.decision;
    if (result?.kind === "mismatch") throw new TypeError(`idempotency_mismatch: ${MISMATCH}`);
    throw new TypeError(`invalid_request: ${JSON.stringify(result?.faults)}`);
  }

  /** Decides up to 1,000 operations, in order; a malformed one fails alone. */
  async checkMany(operations: readonly Operation[]): Promise<CheckItem[]> {
    if (!Array.isArray(operations) || operations.length > 1_000) {
      throw new TypeError("invalid_request: a list of up to 1,000 operations is wanted");
    }
    const { services, policy } = await this.#ready();
    return (await checkMany(operations, services, policy, this.#waitUntil, origin())).map(itemOf);
  }

  /**
   * A user's limits and usage; costs nothing.
   * @throws TypeError where the user id is malformed, Error where the user's object does not answer.
   */
  async status(user: string): Promise<UserStatus> {
    if (!isUserId(user)) throw new TypeError("invalid_request: user is not a user id");
    const { services, policy } = await this.#ready();
    const request = { revision: policy.revision, tier: policy.defaultTier, keyId: null };
    const status = await services.limiter.accounts.status(
      userSubject(user),
      request,
      Date.now(),
      this.#waitUntil,
    );
    if (status === "overloaded") throw new Error("overloaded: the user's object has too much to do");
    if (!status) throw new Error("temporary_reduced_capacity: the limiter does not answer");
    return status;
  }

  async #ready(): Promise<{ services: Services; policy: Policy }> {
    const configured = isolateServices(this.env);
    if (!configured.ok)
      throw new Error(`misconfigured: ${configured.faults.map(({ path }) => path).join(", ")}`);
    const services = configured.value;
    const policy = await services.policies.current(Date.now(), this.#waitUntil);
    if (!policy) throw new Error("temporary_reduced_capacity: the policy is not at hand");
    return { services, policy };
  }
}

function origin(): Origin {
  return { caller: "rpc", method: "RPC", place: NOWHERE, requestId: crypto.randomUUID() };
}

function itemOf(result: CheckResult): CheckItem {
  if (result.kind === "decision") return result.decision;
  if (result.kind === "mismatch") return { error: { code: "idempotency_mismatch", detail: MISMATCH } };
  return { error: { code: "invalid_request", errors: result.faults } };
}

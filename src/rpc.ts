/**
 * The RPC entrypoint for other Workers: a service binding with `entrypoint = "EdgeLimiter"` gets decisions without HTTP. Same operations
 * and decisions as the decision API. The binding itself is the authorization, so no key is needed.
 */
import { WorkerEntrypoint } from "cloudflare:workers";
import { NOWHERE } from "./analytics/place.ts";
import { checkMany, type CheckResult, type Origin } from "./api/decisions/check.ts";
import { MAX_BATCH, type Operation, type SettleOperation } from "./api/decisions/operation.ts";
import type { Decision } from "./core/decision.ts";
import { MISMATCH, RESERVATION_GONE } from "./edge/problem.ts";
import type { Services } from "./edge/services.ts";
import { userSubject } from "./identity/authenticate.ts";
import { isUserId } from "./identity/user-id.ts";
import { isolateServices } from "./isolate.ts";
import type { WaitUntil } from "./wait-until.ts";
import type { ExtendedReservation, SettledReservation } from "./objects/reservation.ts";
import type { UserStatus } from "./objects/user-status.ts";
import type { Policy } from "./policy/compile.ts";
import type { Fault } from "./policy/fault.ts";

/** An item of {@link EdgeLimiter.checkMany}: a decision, what was settled, or the error of that operation. */
export type CheckItem =
  | Decision
  | SettledReservation
  | ExtendedReservation
  | {
      readonly error: {
        readonly code: "invalid_request";
        readonly errors: readonly Fault[];
        readonly requestId: string;
      };
    }
  | {
      readonly error: {
        readonly code: "idempotency_mismatch" | "reservation_gone";
        readonly detail: string;
        readonly requestId: string;
      };
    }
  | {
      readonly error: {
        readonly code: "overloaded" | "temporary_reduced_capacity";
        readonly requestId: string;
      };
    };

export class EdgeLimiter extends WorkerEntrypoint<Env> {
  readonly #waitUntil: WaitUntil = (work) => this.ctx.waitUntil(work);

  /**
   * Decides one operation.
   * @throws TypeError if the operation is invalid (`invalid_request: …`) or its idempotency key was used with other parameters
   * (`idempotency_mismatch: …`), Error if no policy is known.
   */
  async check(operation: Operation): Promise<Decision> {
    const { services, policy } = await this.#ready();
    const [result] = await checkMany([operation], services, policy, this.#waitUntil, origin(null));
    if (result?.kind === "decision") return result.decision;
    if (result?.kind === "mismatch") throw new TypeError(`idempotency_mismatch: ${MISMATCH}`);
    const faults = result?.kind === "invalid" ? result.faults : [{ path: "", message: "is not a check" }];
    throw new TypeError(`invalid_request: ${JSON.stringify(faults)}`);
  }

  /**
   * Settles a reservation, or lets it last longer.
   * @throws TypeError if the operation is invalid (`invalid_request: …`) or the reservation has expired (`reservation_gone: …`), Error if the
   * user's object does not answer: settle again.
   */
  async settle(operation: SettleOperation): Promise<SettledReservation | ExtendedReservation> {
    const { services, policy } = await this.#ready();
    const [result] = await checkMany([operation], services, policy, this.#waitUntil, origin(null));
    switch (result?.kind) {
      case "reservation":
        return result.answer;
      case "gone":
        throw new TypeError(`reservation_gone: ${RESERVATION_GONE}`);
      case "overloaded":
        throw new Error(OVERLOADED);
      case "invalid":
        throw new TypeError(`invalid_request: ${JSON.stringify(result.faults)}`);
      default:
        throw new Error("temporary_reduced_capacity: the limiter is not responding");
    }
  }

  /** Decides up to 1,000 operations, in order; settlements of a user come before the user's checks. An invalid one fails alone. @throws as {@link check} does, but never for one operation. */
  async checkMany(operations: readonly Operation[]): Promise<CheckItem[]> {
    if (!Array.isArray(operations) || operations.length > MAX_BATCH) {
      throw new TypeError(`invalid_request: expected an array of up to ${MAX_BATCH} operations`);
    }
    const { services, policy } = await this.#ready();
    return (await checkMany(operations, services, policy, this.#waitUntil, origin(0))).map(itemOf);
  }

  /**
   * A user's limits and usage. Costs nothing.
   * @throws TypeError if the user id is invalid, Error if the user's object does not answer.
   */
  async status(user: string): Promise<UserStatus> {
    if (!isUserId(user))
      throw new TypeError("invalid_request: user must be 1 to 200 printable ASCII characters without spaces");
    const { services, policy } = await this.#ready();
    const request = { revision: policy.revision, tier: policy.defaultTier, keyId: null };
    const status = await services.limiter.accounts.status(
      userSubject(user),
      request,
      Date.now(),
      this.#waitUntil,
    );
    if (status === "overloaded") throw new Error(OVERLOADED);
    if (!status) throw new Error("temporary_reduced_capacity: the limiter is not responding");
    return status;
  }

  async #ready(): Promise<{ services: Services; policy: Policy }> {
    const configured = isolateServices(this.env);
    if (!configured.ok)
      throw new Error(`misconfigured: ${configured.faults.map(({ path }) => path).join(", ")}`);
    const services = configured.value;
    const policy = await services.policies.current(Date.now(), this.#waitUntil);
    if (!policy) throw new Error("temporary_reduced_capacity: no policy is available");
    return { services, policy };
  }
}

function origin(operationsBefore: number | null): Origin {
  const requestId = crypto.randomUUID();
  return { caller: "rpc", account: "", method: "RPC", place: NOWHERE, requestId, operationsBefore };
}

const OVERLOADED = "overloaded: this user sends more requests at once than can be decided";

function itemOf(result: CheckResult): CheckItem {
  const { id: requestId } = result;
  switch (result.kind) {
    case "decision":
      return result.decision;
    case "reservation":
      return result.answer;
    case "mismatch":
      return { error: { code: "idempotency_mismatch", detail: MISMATCH, requestId } };
    case "gone":
      return { error: { code: "reservation_gone", detail: RESERVATION_GONE, requestId } };
    case "invalid":
      return { error: { code: "invalid_request", errors: result.faults, requestId } };
    case "overloaded":
      return { error: { code: "overloaded", requestId } };
    case "unavailable":
      return { error: { code: "temporary_reduced_capacity", requestId } };
  }
}

/**
 * Questions to a user's object other than decisions: the user's status, and whether a key may be used. Requests with the same question
 * share one call, so a flood of them costs the object little.
 */
import type { KeyStanding } from "../objects/account.ts";
import type { WaitUntil } from "../wait-until.ts";
import { Combiner } from "./combiner.ts";
import type { LastHeard } from "./last-heard.ts";
import { missedAnswer } from "./missed-answer.ts";
import type { UserLimiterStub } from "../objects/user-limiter.ts";
import type { ObjectClient } from "./object-client.ts";
import type { StatusRequest, UserStatus } from "../objects/user-status.ts";

export class AccountQueries {
  readonly #client: ObjectClient;
  readonly #heard: LastHeard;
  readonly #statuses: Combiner<null, UserStatus>;
  readonly #standings: Combiner<null, KeyStanding>;

  constructor(client: ObjectClient, heard: LastHeard) {
    this.#client = client;
    this.#heard = heard;
    this.#statuses = new Combiner(client.deadlineMs, () => 0);
    this.#standings = new Combiner(client.deadlineMs, () => 0);
  }

  /** A user's status. If the object does not answer: `overloaded` if it is alive, null if it has failed. */
  async status(
    subject: string,
    request: StatusRequest,
    nowMs: number,
    waitUntil: WaitUntil,
  ): Promise<UserStatus | "overloaded" | null> {
    const { revision, tier, keyId } = request;
    const name = `${subject}\n${keyId ?? ""}\n${tier}\n${revision}`;
    const status = await this.#shared(
      this.#statuses,
      name,
      subject,
      (stub) => stub.status(request),
      waitUntil,
    );
    if (status) {
      if (status.kind === "status") this.#heard.noteRejection(subject, keyId, status.status, nowMs);
      else if (keyId !== null) this.#heard.noteStop(subject, keyId, nowMs, nowMs);
      return status;
    }
    return this.#heard.isAlive(subject, Date.now()) ? "overloaded" : null;
  }

  /**
   * Whether a key may be used now. If the object has failed, the last known answer applies, or `good` if there is none: KV vouches for
   * the key, and a service that asks about other users must not fail because its own account's object does.
   */
  async keyStanding(
    subject: string,
    keyId: string,
    nowMs: number,
    waitUntil: WaitUntil,
  ): Promise<KeyStanding | "overloaded"> {
    const call = (stub: UserLimiterStub): Promise<KeyStanding> => stub.keyStanding(keyId);
    const standing = await this.#shared(this.#standings, `${subject}\n${keyId}`, subject, call, waitUntil);
    if (standing) {
      this.#heard.noteRejection(subject, keyId, standing, nowMs);
      return standing;
    }
    const rejection = this.#heard.rejection(subject, keyId, nowMs);
    return rejection ?? (this.#heard.isAlive(subject, Date.now()) ? "overloaded" : "good");
  }

  /** One call at a time for all requests with the same question. Null if the object does not answer in time. */
  #shared<T>(
    combiner: Combiner<null, T>,
    name: string,
    subject: string,
    call: (stub: UserLimiterStub) => Promise<T>,
    waitUntil: WaitUntil,
  ): Promise<T | null> {
    const send = async (asked: readonly null[]): Promise<readonly T[]> => {
      const called = await this.#client.call(subject, Date.now(), call);
      if (called.kind === "none") throw new Error("the object does not answer");
      return asked.map(() => called.value);
    };
    return combiner
      .ask(name, null, send, waitUntil)
      .catch((fault) => missedAnswer(this.#heard, subject, fault, this.#client.deadlineMs));
  }
}

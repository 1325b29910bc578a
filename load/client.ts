/**
 * A user as its clients see it: asks the limiter as often and as many at a time as wanted, and holds what is admitted to the
 * model of an exact limiter. All requests of a user must go through one of these, in one virtual user of k6: virtual users
 * share no memory.
 */
import http from "k6/http";
import { setTimeout } from "k6/timers";
import { BASE_URL, PATH } from "./environment.ts";
import {
  admitted,
  answerTime,
  beginCounts,
  countSource,
  denied,
  errors,
  overAdmitted,
  underAdmitted,
} from "./measures.ts";
import { ExactUser, type UserLimits, type Verdict } from "./model/exact-user.ts";
import { limitsOf } from "./model/limits-of.ts";
import type { LoadUser, Stage } from "./stage.ts";

/** Longer than the gateway waits for its upstream, so that it is the limiter that answers. */
const TIMEOUT = "60s";

export interface Answer {
  readonly verdict: Verdict;
  readonly sentMs: number;
  /** By the names of HTTP/1.1 as Go writes them: `Ratelimit-Policy`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether a connection was made for it. */
  readonly connected: boolean;
}

export class Client {
  readonly #user: LoadUser;
  readonly #cost: number;
  readonly #model: ExactUser;
  #reportedOver = 0;
  #reportedUnder = 0;

  /** `limits` where they are not those of the user's tier in the policy. */
  constructor(user: LoadUser, stage: Stage, limits: UserLimits = limitsOf(stage.policy, user.tier)) {
    beginCounts();
    this.#user = user;
    this.#cost = stage.cost;
    this.#model = new ExactUser(limits);
  }

  /** Asks once. Never rejects. */
  async ask(): Promise<Answer> {
    const sentMs = Date.now();
    const ticket = this.#model.send(sentMs);
    const response = await http.asyncRequest("GET", `${BASE_URL}${PATH}`, null, {
      headers: { "X-API-Key": this.#user.key },
      tags: { name: PATH, tier: this.#user.tier },
      responseType: "none",
      timeout: TIMEOUT,
    });
    const source = sourceOf(response.headers);
    const verdict = verdictOf(response.status, source, response.headers);
    const over = this.#model.answer(ticket, verdict, this.#cost, Date.now());
    if (over > this.#reportedOver) {
      overAdmitted.add(over - this.#reportedOver);
      this.#reportedOver = over;
    }
    // What the failure policy answers is an answer, but not one that says what was charged.
    const failed = verdict === "unknown" && source !== "fallback";
    note(verdict, source, failed, response.timings.duration, this.#user.tier);
    return { verdict, sentMs, headers: response.headers, connected: response.timings.connecting > 0 };
  }

  /** Asks by so many clients at once, one request after the other each, until `endMs`. Then holds what was denied to the model. */
  async hammer(clients: number, endMs: number): Promise<void> {
    const one = async (): Promise<void> => {
      while (Date.now() < endMs) await this.ask();
    };
    await Promise.all(Array.from({ length: clients }, one));
    this.finish();
  }

  /** Holds what was denied so far to the model. To be called when nothing is under way; again where more was asked since. */
  finish(): void {
    const { under } = this.#model;
    if (under <= this.#reportedUnder) return;
    underAdmitted.add(under - this.#reportedUnder);
    this.#reportedUnder = under;
  }
}

/** Records one decision, wherever it was asked for. */
export function note(
  verdict: Verdict,
  source: string,
  failed: boolean,
  durationMs: number,
  tier: string,
): void {
  errors.add(failed);
  answerTime.add(durationMs, { tier, source });
  countSource(source);
  if (verdict === "admitted") admitted.add(1, { tier });
  if (verdict === "denied") denied.add(1, { tier });
}

export function pause(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, Math.max(0, ms));
  });
}

/** `limiter;dur=0.4;desc="lease"` */
function sourceOf(headers: Readonly<Record<string, string>>): string {
  return /desc="([a-z-]+)"/.exec(headers["Server-Timing"] ?? "")?.[1] ?? "none";
}

function verdictOf(status: number, source: string, headers: Readonly<Record<string, string>>): Verdict {
  if (source === "fallback" || source === "none") return "unknown";
  if (status === 200) return "admitted";
  if (status !== 429) return "unknown";
  // A denial that does not say when to come back is not what the wire format promises.
  const isWhole =
    Number(headers["Retry-After"]) >= 1 && headers["Content-Type"] === "application/problem+json";
  return isWhole ? "denied" : "unknown";
}

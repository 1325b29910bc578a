/**
 * The clients of one user: sends any number of concurrent requests and checks the decisions against the model of an exact
 * limiter. All requests of a user must go through one Client in one virtual user of k6, since virtual users share no memory.
 */
import http from "k6/http";
import { setTimeout } from "k6/timers";
import { BASE_URL, HAS_ONE_ISOLATE, PATH } from "./environment.ts";
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

/** Longer than the gateway's upstream timeout, so that the limiter answers before the client gives up. */
const TIMEOUT = "60s";

export interface ClientAnswer {
  readonly verdict: Verdict;
  readonly sentMs: number;
  /** Names are capitalized as Go does it: `Ratelimit-Policy`. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether the request opened a connection. */
  readonly connected: boolean;
}

export class Client {
  readonly #user: LoadUser;
  readonly #cost: number;
  readonly #model: ExactUser;
  readonly #isWhole: boolean;
  #reportedOver = 0;
  #reportedUnder = 0;

  /** @param limits the limits to check against, if not those of the user's tier in the policy. */
  constructor(user: LoadUser, stage: Stage, limits: UserLimits = limitsOf(stage.policy, user.tier)) {
    beginCounts();
    this.#user = user;
    this.#cost = stage.cost;
    this.#model = new ExactUser(limits);
    this.#isWhole = HAS_ONE_ISOLATE || limits.leaseMs === 0;
  }

  /** Sends one request and checks its decision. Never rejects. */
  async ask(): Promise<ClientAnswer> {
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
    // An answer of the failure policy is valid, but does not show what was charged.
    const failed = verdict === "unknown" && source !== "fallback";
    note(verdict, source, failed, response.timings.duration, this.#user.tier);
    return { verdict, sentMs, headers: response.headers, connected: response.timings.connecting > 0 };
  }

  /** Sends from `clients` concurrent clients, each one request after the other, until `endMs`. Then calls {@link finish}. */
  async hammer(clients: number, endMs: number): Promise<void> {
    const one = async (): Promise<void> => {
      while (Date.now() < endMs) await this.ask();
    };
    await Promise.all(Array.from({ length: clients }, one));
    this.finish();
  }

  /** Checks the denials so far against the model. Call it while no request is in flight, and again after further requests. */
  finish(): void {
    const { under } = this.#model;
    if (!this.#isWhole || under <= this.#reportedUnder) return;
    underAdmitted.add(under - this.#reportedUnder);
    this.#reportedUnder = under;
  }
}

/** Records one decision in the metrics. */
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
  // A denial without Retry-After violates the wire format.
  const isComplete =
    Number(headers["Retry-After"]) >= 1 && headers["Content-Type"] === "application/problem+json";
  return isComplete ? "denied" : "unknown";
}

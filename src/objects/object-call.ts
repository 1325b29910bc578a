/** One call of the edge to a user's object and its answer: settlements, questions, decisions, leases. Plain data. */
import type { Decision, DecisionRequest, LimitView } from "../core/decision.ts";
import type { Overrides } from "../policy/adjust.ts";
import type { CounterAllowance } from "../policy/own-allowance.ts";

/** Usage of one route and key, from a lease or as denials repeated at the edge. "" stands for no route and for no key. */
export interface UsageCell {
  readonly route: string;
  readonly keyId: string;
  readonly requests: number;
  readonly costMilli: number;
  readonly denied: number;
  /**
   * Denials of the object that the isolate did not pass on, since a lease paid for the request or it asked again: they are taken back. 0 if
   * left out.
   */
  readonly withdrawn?: number;
}

/** What an isolate spent of a lease. Counts once, however often it is sent. */
export interface LeaseSettlement {
  readonly leaseId: string;
  readonly cells: readonly UsageCell[];
}

/** Denials of one hour that an isolate repeated without asking. Counts each time it is sent. */
export interface DenialTally {
  readonly leaseId: null;
  /** A moment of that hour by the isolate's clock. */
  readonly atMs: number;
  readonly cells: readonly UsageCell[];
}

export type Settlement = LeaseSettlement | DenialTally;

/** A request to decide, to lease for, or both. */
export interface Question {
  readonly request: DecisionRequest;
  /** False: decide nothing, only lend. */
  readonly decide: boolean;
  /** How much the isolate would like to lease for requests like this one; 0 for none. Millitokens. */
  readonly wantMilli: number;
  /** Asked again after a denial: whatever limits in shadow say now is final. */
  readonly isLast?: true;
}

/** An amount that an isolate may spend by itself. */
export interface Lease {
  readonly id: string;
  readonly milli: number;
  /** Its duration, from when the isolate asked, so that clocks need not agree. */
  readonly forMs: number;
  /** It is valid only under this policy revision. */
  readonly revision: number;
  readonly tier: string;
  /** Requests of this key; null: without a key. */
  readonly keyId: string | null;
  /** Requests of this route; null: of every route that has no limits of its own. */
  readonly route: string | null;
  /** The limits as if the whole lease were spent. */
  readonly limits: readonly LimitView[];
}

export interface ObjectAnswer {
  /** Null if the question asked only for a lease. */
  readonly decision: Decision | null;
  readonly lease: Lease | null;
  /** With the first answer of a call, if the isolate's standing is not the current one. */
  readonly standing?: AccountStanding;
  /**
   * With the first answer of a call: the object has state that it has not written exactly. The isolate asks for a checkpoint when its
   * user pauses.
   */
  readonly unwritten?: true;
  /** With the first answer of a call, now and then: what the object's isolate has counted, for the hub: a `MetricsDelta`. */
  readonly metrics?: readonly (readonly (string | readonly string[] | readonly number[])[])[];
  /**
   * How long the isolate should repeat a denial, if not as long as it holds: at least that long, or 0 for not at all. Milliseconds. The
   * same for all answers of a call.
   */
  readonly repeatMs?: number;
}

/** What an isolate uses when the object does not answer. Without grants, but for those in the allowance, so it admits at most less. */
export interface AccountStanding {
  /** Identifies this state of the account: changes with each change and each start of the object; 0 without an account. */
  readonly id: number;
  readonly account: StandingAccount | null;
}

export interface StandingAccount {
  readonly tier: string;
  readonly overrides: Overrides;
  /** Where billing lets its overage quota stop. Left out: it has none, or the object is of an older version. */
  readonly allowance?: CounterAllowance;
}

/** One call. Settlements come first. */
export interface ObjectCall {
  readonly settlements: readonly Settlement[];
  readonly questions: readonly RepeatedQuestion[];
  /** The id of the {@link AccountStanding} that the isolate knows. Edges of an older version leave it out. */
  readonly standingId?: number;
  /** The isolate holds leases of the user, under a policy with limits in shadow: it can give them up and ask again ({@link isTentative}). */
  readonly holdsLeases?: true;
  /** Write the exact state if no request came for {@link CHECKPOINT_AFTER_MS}: the isolate has had none for as long. */
  readonly checkpoint?: true;
}

/**
 * How long after its last request a user's state is written exactly. A shorter time writes users who send a request each second or two
 * with each request; a crash within this time loses at most one headroom.
 */
export const CHECKPOINT_AFTER_MS = 3_000;

/** A question that is asked a number of times in a row, since most requests of a user are alike. See src/limiter/wire.ts. */
export interface RepeatedQuestion {
  readonly question: Question;
  readonly times: number;
}

/** An answer, with the following ones that differ from it only in numbers. See src/limiter/wire.ts. */
export interface RepeatedAnswer {
  readonly answer: ObjectAnswer;
  /** For each further answer, `remaining` and `resetMs` of each limit, in order. */
  readonly further: readonly number[];
  /** The number of further answers. */
  readonly times: number;
}

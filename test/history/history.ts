/** What is written down while a simulated world runs: plain data, for the judge. */
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import type { UsageRow } from "../../src/objects/account.ts";
import type { ObjectAnswer, ObjectCall, Settlement } from "../../src/objects/object-call.ts";
import type { Change, Schedule } from "./schedule.ts";

/** No answer of the limiter takes longer than twice this: one's own wait, and a call of one's own after it. */
export const DEADLINE_MS = 60;

export const keyIdOf = (key: number): string => `key-${key}`;

/** When something happened: in true time, and by the clock of the object. */
export interface Moment {
  readonly atMs: number;
  readonly localMs: number;
}

/** One turn of the object. */
export interface Turn extends Moment {
  readonly kind: "turn";
  /** By a copy that has been replaced. */
  readonly isStale: boolean;
  readonly settlements: readonly Settlement[];
  readonly questions: ObjectCall["questions"];
  readonly answers: readonly ObjectAnswer[];
  /** Its answer could leave: what it rests on is on disk. */
  kept: boolean;
}

export interface Creation {
  readonly kind: "create";
  readonly tier: string;
}

export interface Changed extends Moment {
  readonly kind: "change";
  readonly change: Change | Creation;
  /** It is on disk. */
  kept: boolean;
}

/** What was in the object's memory alone is gone. */
export interface Loss extends Moment {
  readonly kind: "loss";
}

export type Entry = Turn | Changed | Loss;

/** One request as its client saw it. */
export interface Asked {
  readonly isolate: number;
  /** Of the isolates that there were under this number, which. */
  readonly life: number;
  readonly request: DecisionRequest;
  readonly costMilli: number;
  readonly atMs: number;
  /** The client went away before it had an answer. */
  left: boolean;
  failed: unknown;
  decision: Decision | null;
  decidedMs: number;
}

/** One request that was admitted under a lease. */
export interface Spend {
  readonly leaseId: string;
  readonly atMs: number;
  readonly costMilli: number;
}

export interface History {
  readonly schedule: Schedule;
  /** In the order in which the object went through them. */
  readonly entries: readonly Entry[];
  readonly asked: readonly Asked[];
  readonly spends: readonly Spend[];
  /** Which variant of the policy each revision is. */
  readonly variants: ReadonlyMap<number, number>;
  /** The bill in the end. */
  readonly usage: readonly UsageRow[];
  /** Calls, writes, isolates and objects that failed. */
  readonly faults: number;
  /** How often each isolate was made anew. */
  readonly lives: readonly number[];
}

/** The record of a simulated world: plain data, for the judge. */
import type { Decision, DecisionRequest, Slot } from "../../src/core/decision.ts";
import type { UsageRow } from "../../src/objects/account.ts";
import type { BillingAnswer } from "../../src/objects/billing.ts";
import type { Lease, ObjectAnswer, Question, Settlement } from "../../src/objects/object-call.ts";
import type { OperatorChange, Schedule } from "./schedule.ts";

/**
 * Deadline of a call. No answer takes longer than twice this by its isolate's clock: waiting for another request's call, then a call of its
 * own; or a call that denies it, then another.
 */
export const DEADLINE_MS = 60;

/** The most by which an isolate's clock lags within a second: it runs slow, or stands still. */
export const CLOCK_ERROR_MS = 60;

export const keyIdOf = (key: number): string => `key-${key}`;

/** A key in place of another, by the number of the change that makes it. */
export const successorOf = (key: number, change: number): string => `${keyIdOf(key)}-${change}`;

/** The first key of its lineage: all keys of one use the same counters. */
export const originOf = (keyId: string): string => keyId.split("-", 2).join("-");

/** When something happened: in real time, and by the object's clock. */
export interface Moment {
  readonly atMs: number;
  readonly localMs: number;
}

/** Reports that a guarantee is broken, how, and when. */
export type Wrong = (guarantee: string, what: string, where: { readonly atMs: number }) => void;

/** One turn of the object. */
export interface Turn extends Moment {
  readonly kind: "turn";
  /** Made by a copy that has been replaced. */
  readonly isStale: boolean;
  /** When the copy that made it was replaced; Infinity: not yet. */
  readonly replacedMs: number;
  readonly settlements: readonly Settlement[];
  readonly questions: readonly Question[];
  readonly answers: readonly ObjectAnswer[];
  /** How often the object's state had been written before it. */
  readonly rowsBefore: number;
  /** Whether its answer could leave: the state it rests on is on disk. */
  kept: boolean;
}

/** The account and its first keys, at the beginning. */
export interface Creation {
  readonly kind: "begin";
  readonly tier: string;
}

export interface Changed extends Moment {
  readonly kind: "change";
  /** Of an operator's change; 0: of the account's creation. */
  readonly number: number;
  readonly change: OperatorChange | Creation;
  /** Whether it is on disk. */
  kept: boolean;
}

/** The object lost what was only in its memory. */
export interface Loss extends Moment {
  readonly kind: "loss";
  /** The time by the clock of the copy that follows. */
  readonly nextMs: number;
  /** Of the writes of its state, how many are on disk. What came after the last of them is lost. */
  readonly rows: number;
}

/** One request that was admitted from a lease. */
export interface Spend extends Moment {
  readonly kind: "spend";
  readonly asked: Asked;
  readonly lease: Lease;
  /** When its isolate asked for the lease. */
  readonly askedMs: number;
}

/** The release of slots: sent by an isolate, or arrived at a copy of the object. */
export interface Release extends Moment {
  readonly kind: "release";
  readonly isArrival: boolean;
  /** Whether that copy has been replaced. */
  readonly isStale: boolean;
  readonly slots: readonly Slot[];
}

export type Entry = Turn | Changed | Loss | Spend | Release;

/** One request as its client saw it. */
export interface Asked {
  readonly isolate: number;
  /** Counts the isolates of this number: each that dies is replaced. */
  readonly life: number;
  readonly request: DecisionRequest;
  readonly costMilli: number;
  readonly atMs: number;
  /** When it was looked at: later if the isolate was busy. */
  fromMs: number;
  /** Whether the client left before it had an answer. */
  left: boolean;
  failed: unknown;
  decision: Decision | null;
  decidedMs: number;
}

/** An operator's change was acknowledged. */
export interface Ack {
  readonly number: number;
  readonly atMs: number;
}

export interface History {
  readonly schedule: Schedule;
  /** In the object's order. */
  readonly entries: readonly Entry[];
  readonly asked: readonly Asked[];
  /** The policy variant of each revision. */
  readonly variants: ReadonlyMap<number, number>;
  /** Under the policy that bills; null under others. */
  readonly billing: BillingAnswer | null;
  readonly acks: readonly Ack[];
  /** The final bill. */
  readonly usage: readonly UsageRow[];
  /** The number of calls, writes, isolates and objects that failed. */
  readonly faults: number;
  /** How long isolates computed in total. */
  readonly computedMs: number;
  /** How often each isolate was replaced. */
  readonly lives: readonly number[];
}

/**
 * Hosts the object: its copies, one after the other or two at once, with one disk and one alarm. Records what every copy decides and
 * what is lost with it.
 */
import { UserLimiter } from "../../durable-objects/user-limiter.ts";
import { type Decision, type DecisionRequest, isTentative, type Slot } from "../../src/core/decision.ts";
import type {
  Lease,
  ObjectAnswer,
  ObjectCall,
  Question,
  RepeatedAnswer,
} from "../../src/objects/object-call.ts";
import { expandAnswers, expandQuestions } from "../../src/limiter/wire.ts";
import type { Asked, Entry, Turn } from "./history.ts";
import { bindings } from "./policy-shelf.ts";
import type { OperatorChange } from "./schedule.ts";
import { type Disk, type Handle, storageOf } from "./sqlite-storage.ts";
import type { Place, VirtualTime } from "./virtual-time.ts";

export const SUBJECT = "user:ann";

/** One copy of the object. */
interface Copy {
  readonly place: Place;
  readonly handle: Handle;
  readonly object: UserLimiter;
  /** Functions that fail the calls in progress. */
  readonly open: Set<(reason: Error) => void>;
  /** When it was replaced. */
  replacedMs: number;
  /** Answers that wait for the disk. */
  readonly gated: (() => void)[];
}

export class ObjectHost {
  readonly entries: Entry[] = [];
  /** How often state that was only in memory was lost. */
  losses = 0;
  readonly #time: VirtualTime;
  readonly #disk: Disk;
  #copy: Copy | null = null;
  /** A copy that has been replaced, and the isolates that still ask it. */
  #stale: { readonly copy: Copy; readonly followers: number } | null = null;
  /** The changes that operators have sent. Each has the number of its place, from 1: its audit entry must carry it as the reason. */
  readonly changes: OperatorChange[] = [];
  #skewMs = 0;
  #alarms = 0;

  /** @param flushMs how long a write takes. */
  constructor(time: VirtualTime, disk: Disk, flushMs: number) {
    this.#time = time;
    this.#disk = disk;
    disk.wipe();
    disk.onDirty = () => {
      const { flushes } = disk;
      time.at(time.nowMs + flushMs, () => {
        if (disk.isDirty && disk.flushes === flushes) this.flush();
      });
    };
  }

  /** The clock error of the current copy, or of the next one if there is none. */
  get skewMs(): number {
    return this.#skewMs;
  }

  /** Notes that an isolate sends the release of slots. */
  releases(slots: readonly Slot[]): void {
    const { nowMs: atMs } = this.#time;
    const localMs = atMs + this.#skewMs;
    this.entries.push({ kind: "release", atMs, localMs, isArrival: false, isStale: false, slots });
  }

  /** Notes that a request was admitted from a lease, in order with the object's turns. */
  spent(asked: Asked, lease: Lease, askedMs: number): void {
    const { nowMs: atMs } = this.#time;
    this.entries.push({ kind: "spend", atMs, localMs: atMs + this.#skewMs, asked, lease, askedMs });
  }

  /** Calls `work` with the object, which is created if necessary. */
  with<T>(work: (object: UserLimiter) => T): T {
    const { place, object } = this.#current();
    return this.#time.in(place, () => work(object));
  }

  /**
   * Delivers a call from an isolate. Its answer leaves when the state it rests on is on disk; calls `fail` if the copy fails or dies
   * before.
   */
  arrive(
    isolate: number,
    method: string,
    args: unknown[],
    answer: (value: unknown) => void,
    fail: (reason: Error) => void,
  ): void {
    const stale = this.#stale;
    const copy = stale && (stale.followers >> isolate) & 1 ? stale.copy : this.#current();
    const isStale = copy !== this.#copy;
    copy.open.add(fail);
    const failed = (thrown: unknown): void => {
      if (!copy.open.delete(fail)) return;
      fail(thrown instanceof Error ? thrown : new Error(String(thrown)));
    };
    const { rows } = this.#disk;
    const done = (value: unknown, entry: { kept: boolean } | null): void => {
      if (!copy.open.has(fail)) return;
      const leave = (): void => {
        if (entry) entry.kept = true;
        if (copy.open.delete(fail)) answer(value);
      };
      if (this.#disk.isDirty && !isStale) copy.gated.push(leave);
      else leave();
    };
    this.#time.in(copy.place, () => {
      const member: unknown = Reflect.get(copy.object, method);
      if (typeof member !== "function") throw new Error(`no method ${method}`);
      let result: unknown;
      try {
        result = Reflect.apply(member, copy.object, args);
      } catch (thrown) {
        failed(thrown);
        return;
      }
      if (method === "release") this.#released(copy, isStale, args[0] as readonly Slot[]);
      Promise.resolve(result).then((value) => {
        const isTurn = method === "serve" || method === "decide";
        done(value, isTurn ? this.#turn(copy, isStale, method, args, value, rows) : null);
      }, failed);
    });
  }

  #released({ place }: Copy, isStale: boolean, slots: readonly Slot[]): void {
    const { nowMs: atMs } = this.#time;
    const localMs = atMs + place.skewMs;
    this.entries.push({ kind: "release", atMs, localMs, isArrival: true, isStale, slots });
  }

  #turn(
    copy: Copy,
    isStale: boolean,
    method: string,
    args: unknown[],
    value: unknown,
    rowsBefore: number,
  ): Turn {
    const { nowMs } = this.#time;
    const served = method === "serve" ? (args[0] as ObjectCall) : null;
    const call = served
      ? { settlements: served.settlements, questions: expandQuestions(served.questions) }
      : {
          settlements: [],
          questions: (args[0] as DecisionRequest[]).map((request) => ({
            request,
            decide: true,
            wantMilli: 0,
          })),
        };
    const answers =
      method === "serve"
        ? expandAnswers(value as RepeatedAnswer[])
        : (value as Decision[]).map((decision) => ({ decision, lease: null }));
    const [questions, decided] = withoutTentative(call.questions, answers);
    const turn: Turn = {
      kind: "turn",
      atMs: nowMs,
      localMs: nowMs + copy.place.skewMs,
      isStale,
      replacedMs: copy.replacedMs,
      settlements: call.settlements,
      questions,
      answers: decided,
      rowsBefore,
      kept: false,
    };
    this.entries.push(turn);
    return turn;
  }

  /** Makes the next write of the current copy fail. */
  failNextWrite(): void {
    if (this.#copy) this.#copy.handle.failNextWrite = true;
  }

  /** Brings everything written to disk, and sends the answers that wait for it. */
  flush(): void {
    this.#disk.flush();
    const gated = this.#copy?.gated.splice(0) ?? [];
    for (const leave of gated) leave();
  }

  /** Kills the current copy with everything that is not on disk. @param skewMs the clock error of the next copy. */
  crash(skewMs: number): void {
    const dying = this.#copy;
    this.#skewMs = skewMs;
    this.#copy = null;
    if (!dying) return;

    const { nowMs } = this.#time;
    this.#disk.crash();
    this.#lost(nowMs + dying.place.skewMs);
    this.#bury(dying);
    if (this.#disk.alarmMs !== null) this.#wakeAt(this.#disk.alarmMs);
  }

  /** Replaces the current copy, which the isolates in the bits of `followers` still ask for `forMs`. */
  replace(forMs: number, followers: number): void {
    if (this.#stale || !this.#copy) return;
    this.flush();
    const copy = this.#copy;
    copy.handle.isReplaced = true;
    this.#copy = null;

    const { nowMs } = this.#time;
    copy.replacedMs = nowMs;
    this.#lost(nowMs + copy.place.skewMs);
    this.#stale = { copy, followers };
    this.#time.at(nowMs + forMs, () => {
      this.#stale = null;
      this.#bury(copy);
    });
  }

  #current(): Copy {
    return (this.#copy ??= this.#newCopy());
  }

  #newCopy(): Copy {
    const place: Place = { skewMs: this.#skewMs, slowPpm: 0, alive: true, busyUntilMs: 0, within: null };
    const gated: Copy["gated"] = [];
    const handle: Handle = {
      isReplaced: false,
      failNextWrite: false,
      // The object discards what was only in memory.
      onFailure: () => this.#lost(this.#time.nowMs + place.skewMs),
      onAudit: (reason) => this.#committed(Number(reason), place, gated),
    };
    const storage = storageOf(this.#disk, handle, (atMs) => this.#wakeAt(atMs));
    const ctx = {
      storage,
      id: { name: SUBJECT },
      waitUntil: (work: Promise<unknown>) => void work.catch(() => {}),
    };
    const object = this.#time.in(
      place,
      () => new UserLimiter(ctx as unknown as DurableObjectState, bindings),
    );
    return { place, handle, object, open: new Set(), replacedMs: Infinity, gated };
  }

  /** Notes a change at its commit: it applies from here on, although its answer comes later. */
  #committed(number: number, { skewMs }: Place, gated: Copy["gated"]): void {
    const change = this.changes[number - 1];
    if (!change) return;
    const { nowMs: atMs } = this.#time;
    const noted = { kind: "change" as const, number, atMs, localMs: atMs + skewMs, change, kept: false };
    this.entries.push(noted);
    gated.push(() => void (noted.kept = true));
  }

  #wakeAt(alarmMs: number): void {
    this.#alarms += 1;
    const alarm = this.#alarms;
    const atMs = Math.max(this.#time.nowMs + 1, alarmMs - this.#skewMs);
    this.#time.at(atMs, () => {
      if (this.#disk.alarmMs !== alarmMs || alarm !== this.#alarms) return;
      const copy = this.#current();
      this.#disk.touch();
      this.#disk.alarmMs = null;
      this.#time.in(copy.place, () => void copy.object.alarm().catch(() => {}));
    });
  }

  #bury(copy: Copy): void {
    copy.place.alive = false;
    const open = [...copy.open];
    copy.open.clear();
    for (const fail of open) fail(new Error("the object was reset"));
  }

  #lost(localMs: number): void {
    this.losses += 1;
    const { nowMs: atMs } = this.#time;
    const { rows } = this.#disk;
    this.entries.push({ kind: "loss", atMs, localMs, nextMs: atMs + this.#skewMs, rows });
  }
}

/** The turn as it counts: a tentative answer decides nothing, and its isolate asks again. */
function withoutTentative(
  questions: readonly Question[],
  answers: readonly ObjectAnswer[],
): [questions: readonly Question[], answers: readonly ObjectAnswer[]] {
  const isOpen = ({ decision }: ObjectAnswer): boolean => decision !== null && isTentative(decision);
  if (!answers.some(isOpen)) return [questions, answers];
  return [
    questions.map((question, i) =>
      answers[i] && isOpen(answers[i]) ? { ...question, decide: false } : question,
    ),
    answers.map((answer) => (isOpen(answer) ? { ...answer, decision: null } : answer)),
  ];
}

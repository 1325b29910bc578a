/**
 * A world of isolates that ask one user's object over a network that delays and loses calls: the real Limiter and the real
 * UserLimiter class, in virtual time. Only time, network and disk are simulated.
 *
 * Records what was asked, decided, changed and lost, for a judge. Asserts nothing itself.
 */
import type { Decision, DecisionRequest } from "../../src/core/decision.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { SpendableLease } from "../../src/limiter/spendable-lease.ts";
import type { Lease } from "../../src/objects/object-call.ts";
import type { Asked, History } from "./history.ts";
import { type Isolate, newIsolate } from "./isolate.ts";
import { LATE_MS, Network } from "./network.ts";
import { ObjectHost, SUBJECT } from "./object-host.ts";
import { newestKeyId, newKey, Operators } from "./operators.ts";
import { BILLED, COST_MILLI, type RouteName } from "./policies.ts";
import { shelf } from "./policy-shelf.ts";
import type { Ask, WorldEvent, Schedule } from "./schedule.ts";
import { Disk } from "./sqlite-storage.ts";
import { type Place, VirtualTime } from "./virtual-time.ts";

/** Long enough for the object's last write; with leases, also for each to be settled or to expire. */
const AFTERMATH_MS = 2_500;
const LEASED_AFTERMATH_MS = 12_000;
/** Of a stream, every so many requests find the isolate computing. */
const COMPUTES_EACH = 7;
/** How long a request may still run when nothing keeps it. */
const ENDING_MS = 1;
/** Schedules begin in this hour, the last of a day and of a month. */
const BASE_MS = Date.UTC(2027, 0, 31, 23);

/** Shared by all worlds and wiped for each: creating tables takes longer than most schedules. */
const disk = new Disk();

export class World {
  readonly #time: VirtualTime;
  readonly #schedule: Schedule;
  readonly #host: ObjectHost;
  readonly #network: Network;
  readonly #operators: Operators;
  readonly #isolates: Isolate[] = [];
  readonly #asked: Asked[] = [];
  /** The lease that each request spent. */
  readonly #spent = new Map<Place | null, Lease>();
  #faults = 0;
  #computedMs = 0;
  /** When the last request of a stream is sent. */
  #lastAskMs = 0;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    this.#time = new VirtualTime(BASE_MS + schedule.startMs);
    this.#host = new ObjectHost(this.#time, disk, schedule.flushMs);
    this.#network = new Network(this.#time, this.#host, schedule.travels);
    this.#operators = new Operators(this.#time, this.#host, this.#network);
    shelf.begin(this.#time);
  }

  /** Runs the whole schedule and its consequences. */
  async run(): Promise<History> {
    const time = this.#time;
    const uninstall = time.install();
    const { spend } = SpendableLease.prototype;
    const spent = this.#spent;
    SpendableLease.prototype.spend = function (...args): boolean {
      const isSpent = spend.apply(this, args);
      if (isSpent) spent.set(time.here, this.lease);
      return isSpent;
    };
    try {
      const policy = shelf.publish(this.#schedule.variant ?? 0, 0);
      this.#schedule.skewsMs.forEach((_, index) => {
        this.#isolates.push(this.#newIsolate({ index, life: 0, policy }));
      });
      await this.#begin();
      let atMs = time.nowMs;
      for (const step of this.#schedule.steps) {
        atMs += step.afterMs;
        await time.run(atMs);
        this.#apply(step.what);
      }
      atMs = Math.max(atMs, this.#lastAskMs);
      await time.run(atMs + LATE_MS);
      this.#network.isCalm = true;
      await time.run(atMs + (this.#network.askedMs.size > 0 ? LEASED_AFTERMATH_MS : AFTERMATH_MS));
      return await this.#history();
    } finally {
      SpendableLease.prototype.spend = spend;
      uninstall();
    }
  }

  /** Creates the account and its keys, on disk. */
  async #begin(): Promise<void> {
    const { tier } = this.#schedule;
    const made = this.#host.with(async (object) => {
      await object.createAccount("ann", { name: "Ann", tier });
      for (const key of [0, 1]) await object.addKey(newKey(key, null));
    });
    await this.#time.run(this.#time.nowMs + 20);
    await made;
    this.#host.flush();
    const { nowMs } = this.#time;
    this.#host.entries.push({
      kind: "change",
      number: 0,
      atMs: nowMs,
      localMs: nowMs,
      change: { kind: "begin", tier },
      kept: true,
    });
  }

  #apply(step: WorldEvent): void {
    const { nowMs } = this.#time;
    switch (step.kind) {
      case "ask":
        return this.#ask(step);
      case "stream":
        for (let i = 0; i < step.times; i++) {
          const ask = i % COMPUTES_EACH === 3 ? step.ask : { ...step.ask, computesMs: 0 };
          this.#time.at(nowMs + i * step.everyMs, () => this.#ask(ask));
        }
        this.#lastAskMs = Math.max(this.#lastAskMs, nowMs + step.times * step.everyMs);
        return;
      case "change":
        return void this.#operators.change(this.#isolateOf(step.isolate), step.change);
      case "policy": {
        const policy = shelf.publish(step.variant, step.lagMs);
        const taker = this.#isolateOf(step.isolate);
        taker.policy = policy;
        this.#time.at(nowMs + 3 * step.lagMs, () => {
          for (const isolate of this.#isolates) {
            if (isolate.policy.revision < policy.revision) isolate.policy = policy;
          }
        });
        return;
      }
      case "object-dies":
        return this.#host.crash(step.skewMs);
      case "object-is-replaced":
        return this.#host.replace(step.forMs, step.followers);
      case "isolate-dies": {
        const dying = this.#isolateOf(step.isolate);
        dying.place.alive = false;
        this.#faults += 1;
        this.#isolates[dying.index] = this.#newIsolate({ ...dying, life: dying.life + 1 });
        return;
      }
      case "isolate-clock-steps":
        // Calls may run into their deadlines.
        this.#faults += 1;
        this.#isolateOf(step.isolate).place.skewMs += step.byMs;
        return;
      case "isolate-is-cut-off":
        return this.#network.cutOff(this.#isolateOf(step.isolate).index, step.forMs);
      case "write-fails":
        this.#host.failNextWrite();
    }
  }

  #isolateOf(index: number): Isolate {
    const isolate = this.#isolates[index % this.#isolates.length];
    if (!isolate) throw new Error("a world has isolates");
    return isolate;
  }

  #newIsolate(isolate: Pick<Isolate, "index" | "life" | "policy">): Isolate {
    const { skewsMs, slowPpm } = this.#schedule;
    const clock = {
      skewMs: skewsMs[isolate.index] ?? 0,
      slowPpm: slowPpm[isolate.index % slowPpm.length] ?? 0,
    };
    return newIsolate(this.#time, this.#network, isolate, clock);
  }

  #ask(ask: Ask): void {
    if (ask.againAfterMs !== null) {
      const again = { ...ask, againAfterMs: null };
      this.#time.at(this.#time.nowMs + ask.againAfterMs, () => this.#ask(again));
    }
    const isolate = this.#isolateOf(ask.isolate);
    const request: DecisionRequest = {
      revision: isolate.policy.revision,
      tier: "tight",
      route: ask.route,
      costMilli: ask.costMilli,
      keyId: ask.key === null ? null : newestKeyId(ask.key, this.#host.changes),
      peek: ask.peek,
      idempotencyKey: ask.idempotencyKey,
    };
    const asked = Array.from({ length: ask.count }, () => this.#note(isolate, request, ask.route));
    const decide = (): void => this.#decide(isolate, ask, asked);
    if (ask.computesMs > 0) {
      // Calls may run into their deadlines meanwhile.
      this.#faults += 1;
      this.#computedMs += ask.computesMs;
      this.#time.compute(isolate.place, ask.computesMs, decide);
    } else this.#time.at(this.#time.nowMs, decide, isolate.place);
  }

  /** Decides requests that have arrived. */
  #decide(isolate: Isolate, ask: Ask, asked: Asked[]): void {
    const { limiter, policy, place: within } = isolate;
    const groups = ask.asBatch ? [asked] : asked.map((one) => [one]);
    for (const group of groups) {
      // Each group is one request: once its client has left, it dies as soon as no work of `waitUntil` is left. Until then it may still
      // run for a moment, but nothing that it gives to `waitUntil` keeps it any more, as measured on workerd.
      const place: Place = { ...within, within, skewMs: 0, busyUntilMs: 0 };
      let kept = 0;
      let isLeft = false;
      let isEnding = false;
      const end = (): void => {
        if (kept > 0 || isEnding) return;
        isEnding = true;
        this.#time.at(this.#time.nowMs + ENDING_MS, () => {
          place.alive = false;
          for (const one of group) one.left ||= one.decision === null;
        });
      };
      const waitUntil = (work: Promise<unknown>): void => {
        if (isEnding) return;
        kept += 1;
        const done = (): void => {
          kept -= 1;
          // What the same event of the runtime continues may keep it once more.
          if (isLeft) this.#time.at(this.#time.nowMs, end);
        };
        work.then(done, done);
      };
      const decided = async (): Promise<void> => {
        try {
          const requests = group.map((one) => ({ ...one.request, revision: policy.revision }));
          for (const one of group) one.fromMs = this.#time.nowMs;
          const decisions = await limiter.decideAll(SUBJECT, requests, policy, Date.now(), waitUntil);
          group.forEach((one, i) => {
            one.decision = decisions[i] ?? null;
            one.decidedMs = this.#time.nowMs;
            if (one.decision) this.#hold(isolate, one.decision, ask.holdsMs);
            const lease = this.#spent.get(place);
            if (lease && one.decision?.source === "lease")
              this.#host.spent(one, lease, this.#network.askedMs.get(lease.id) ?? Infinity);
          });
        } catch (thrown) {
          for (const one of group) one.failed = thrown;
        }
      };
      this.#time.in(place, () => void decided());
      if (ask.leavesAfterMs === null) continue;
      this.#time.at(this.#time.nowMs + ask.leavesAfterMs, () => {
        isLeft = true;
        end();
      });
    }
  }

  /** The request is in progress for a while, then its isolate releases its slot, if that lives and the slot is not left to expire. */
  #hold({ place, limiter }: Isolate, { holds }: Decision, forMs: number | null): void {
    if (holds.length === 0 || forMs === null) return;
    const release = (): void => {
      this.#host.releases(holds);
      void limiter.release(SUBJECT, holds, Date.now());
    };
    this.#time.at(this.#time.nowMs + forMs, release, place);
    this.#lastAskMs = Math.max(this.#lastAskMs, this.#time.nowMs + forMs);
  }

  #note(isolate: Isolate, request: DecisionRequest, route: RouteName): Asked {
    const asked: Asked = {
      isolate: isolate.index,
      life: isolate.life,
      request,
      costMilli: request.costMilli ?? COST_MILLI[route],
      atMs: this.#time.nowMs,
      fromMs: this.#time.nowMs,
      left: false,
      failed: null,
      decision: null,
      decidedMs: 0,
    };
    this.#asked.push(asked);
    return asked;
  }

  async #history(): Promise<History> {
    this.#host.flush();
    const query = {
      fromMs: BASE_MS - 48 * HOUR_MS,
      toMs: BASE_MS + 48 * HOUR_MS,
      granularity: "hour" as const,
      anchorDay: 1,
      byRoute: false,
      after: null,
      count: 100,
    };
    return {
      schedule: this.#schedule,
      entries: this.#host.entries,
      asked: this.#asked,
      variants: shelf.variants,
      usage: (await this.#host.with((object) => object.usage(query))) ?? [],
      billing:
        this.#schedule.variant === BILLED
          ? await this.#host.with((object) => object.billing(this.#isolateOf(0).policy.revision))
          : null,
      acks: this.#operators.acks,
      faults: this.#faults + this.#network.faults + this.#host.losses,
      computedMs: this.#computedMs,
      lives: this.#isolates.map(({ life }) => life),
    };
  }
}

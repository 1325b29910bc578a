/**
 * A world of isolates that ask one user's object over a network that delays and loses calls: the real Limiter and the real
 * UserLimiter class, in virtual time. Only time, network and disk are simulated.
 *
 * Records what was asked, decided, changed and lost, for a judge. Asserts nothing itself.
 */
import type { UserLimiter } from "../../durable-objects/user-limiter.ts";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import type { DecisionRequest } from "../../src/core/decision.ts";
import { Limiter } from "../../src/limiter/limiter.ts";
import { SpendableLease } from "../../src/limiter/spendable-lease.ts";
import type { Policy } from "../../src/policy/compile.ts";
import { type Asked, DEADLINE_MS, type History, keyIdOf, type Spend } from "./history.ts";
import { ObjectHost, SUBJECT } from "./object-host.ts";
import { HOUR_MS } from "../../src/core/time.ts";
import { COST_MILLI, type RouteName } from "./policies.ts";
import { shelf } from "./policy-shelf.ts";
import type { Ask, OperatorChange, WorldEvent, Schedule, Travel } from "./schedule.ts";
import { Disk } from "./sqlite-storage.ts";
import { type Place, VirtualTime } from "./virtual-time.ts";

/** An answer this late is no longer awaited. */
const LATE_MS = 2 * DEADLINE_MS;
/** Long enough for the object's last write; with leases, also for each to be settled or to expire. */
const AFTERMATH_MS = 2_500;
const LEASED_AFTERMATH_MS = 12_000;
/** Schedules begin in this hour, the last of a day and of a month. */
const BASE_MS = Date.UTC(2027, 0, 31, 23);

interface Isolate {
  readonly index: number;
  readonly life: number;
  readonly place: Place;
  readonly limiter: Limiter;
  policy: Policy;
}

/** Shared by all worlds and wiped for each: creating tables takes longer than most schedules. */
const disk = new Disk();

export class World {
  readonly #time: VirtualTime;
  readonly #schedule: Schedule;
  readonly #host: ObjectHost;
  readonly #isolates: Isolate[] = [];
  readonly #asked: Asked[] = [];
  readonly #spends: Spend[] = [];
  #calls = 0;
  #faults = 0;
  #isOver = false;

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
    this.#time = new VirtualTime(BASE_MS + schedule.startMs);
    this.#host = new ObjectHost(this.#time, disk, schedule.flushMs);
    shelf.begin(this.#time);
  }

  /** Runs the whole schedule and its consequences. */
  async run(): Promise<History> {
    const uninstall = this.#time.install();
    const { spend } = SpendableLease.prototype;
    const spends = this.#spends;
    const time = this.#time;
    SpendableLease.prototype.spend = function (route: string | null, costMilli: number): boolean {
      const isSpent = spend.call(this, route, costMilli);
      if (isSpent) spends.push({ leaseId: this.lease.id, atMs: time.nowMs, costMilli });
      return isSpent;
    };
    try {
      const policy = shelf.publish(0, 0);
      this.#schedule.skewsMs.forEach((_, index) => this.#isolates.push(this.#isolate(index, 0, policy)));
      await this.#begin();
      let atMs = time.nowMs;
      for (const step of this.#schedule.steps) {
        atMs += step.afterMs;
        await time.run(atMs);
        this.#apply(step.what);
      }
      await time.run(atMs + LATE_MS);
      this.#isOver = true;
      await time.run(atMs + (this.#spends.length > 0 ? LEASED_AFTERMATH_MS : AFTERMATH_MS));
      return this.#history();
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
      for (const key of [0, 1]) await object.addKey(newKey(key));
    });
    await this.#time.run(this.#time.nowMs + 20);
    await made;
    this.#host.flush();
    const { nowMs } = this.#time;
    this.#host.entries.push({
      kind: "change",
      atMs: nowMs,
      localMs: nowMs,
      change: { kind: "create", tier },
      kept: true,
    });
  }

  #apply(step: WorldEvent): void {
    const { nowMs } = this.#time;
    switch (step.kind) {
      case "ask":
        return this.#ask(step);
      case "change":
        return void this.#change(this.#isolateOf(step.isolate), step.change);
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
        this.#isolates[dying.index] = this.#isolate(dying.index, dying.life + 1, dying.policy);
        return;
      }
      case "write-fails":
        this.#host.failNextWrite();
    }
  }

  #isolateOf(index: number): Isolate {
    const isolate = this.#isolates[index % this.#isolates.length];
    if (!isolate) throw new Error("a world has isolates");
    return isolate;
  }

  #isolate(index: number, life: number, policy: Policy): Isolate {
    const place: Place = { skewMs: this.#schedule.skewsMs[index] ?? 0, alive: true, within: null };
    const objects = {
      getByName: () =>
        new Proxy(
          {},
          {
            get: (_, method) =>
              method === "then" ? undefined : (...args: unknown[]) => this.#call(index, String(method), args),
          },
        ),
    };
    const limiter = this.#time.in(
      place,
      () =>
        new Limiter(
          objects as unknown as DurableObjectNamespace<UserLimiter>,
          DEADLINE_MS,
          () => undefined,
          new MetricDeltas(),
        ),
    );
    return { index, life, place, limiter, policy };
  }

  #ask(ask: Ask): void {
    if (ask.againAfterMs !== null) {
      const again = { ...ask, againAfterMs: null };
      this.#time.at(this.#time.nowMs + ask.againAfterMs, () => this.#ask(again));
    }
    const isolate = this.#isolateOf(ask.isolate);
    const { policy, limiter } = isolate;
    const request: DecisionRequest = {
      revision: policy.revision,
      tier: "tight",
      route: ask.route,
      costMilli: null,
      keyId: ask.key === null ? null : keyIdOf(ask.key),
      peek: ask.peek,
      idempotencyKey: ask.idempotencyKey,
    };
    const asked = Array.from({ length: ask.count }, () => this.#note(isolate, request, ask.route));
    const groups = ask.asBatch ? [asked] : asked.map((one) => [one]);
    for (const group of groups) {
      // Each group is one request: it dies when its client leaves, unless `waitUntil` keeps it running.
      const place: Place = { skewMs: isolate.place.skewMs, alive: true, within: isolate.place };
      let kept = 0;
      const waitUntil = (work: Promise<unknown>): void => {
        kept += 1;
        const done = (): void => void (kept -= 1);
        work.then(done, done);
      };
      const decided = async (): Promise<void> => {
        try {
          const requests = group.map((one) => one.request);
          const decisions = await limiter.decideAll(SUBJECT, requests, policy, Date.now(), waitUntil);
          group.forEach((one, i) => {
            one.decision = decisions[i] ?? null;
            one.decidedMs = this.#time.nowMs;
          });
        } catch (thrown) {
          for (const one of group) one.failed = thrown;
        }
      };
      this.#time.in(place, () => void decided());
      if (ask.leavesAfterMs === null) continue;
      this.#time.at(this.#time.nowMs + ask.leavesAfterMs, () => {
        if (kept > 0) return;
        place.alive = false;
        for (const one of group) one.left ||= one.decision === null;
      });
    }
  }

  #note(isolate: Isolate, request: DecisionRequest, route: RouteName): Asked {
    const asked: Asked = {
      isolate: isolate.index,
      life: isolate.life,
      request,
      costMilli: COST_MILLI[route],
      atMs: this.#time.nowMs,
      left: false,
      failed: null,
      decision: null,
      decidedMs: 0,
    };
    this.#asked.push(asked);
    return asked;
  }

  /** As the admin API does it: changes the object first, then clears this isolate's memory of the user. */
  async #change(isolate: Isolate, wanted: OperatorChange): Promise<void> {
    const localMs = this.#time.nowMs + this.#host.skewMs;
    const change = wanted.kind === "grant" ? { ...wanted, untilMs: localMs + wanted.lastsMs } : wanted;
    const [method, args] = changeCall(change, localMs);
    await this.#time.in(isolate.place, async () => {
      try {
        await this.#call(isolate.index, method, args, change);
      } catch {
        // An operator would retry; the schedule may.
      }
      isolate.limiter.forget(SUBJECT, Date.now());
    });
  }

  #travel(): Travel {
    const { travels } = this.#schedule;
    this.#calls += 1;
    const travel = travels[this.#calls % travels.length] ?? { upMs: 1, downMs: 1, fate: "answered" };
    // At the end, everything that is still to be reported arrives.
    return this.#isOver ? { ...travel, fate: "answered" } : travel;
  }

  /** One call from an isolate to the object. */
  #call(
    isolate: number,
    method: string,
    args: unknown[],
    change: OperatorChange | null = null,
  ): Promise<unknown> {
    const { upMs, downMs, fate } = this.#travel();
    const caller = this.#time.here;
    const sent = copyOf(args);
    if (fate !== "answered") this.#faults += 1;
    return new Promise((resolve, reject) => {
      const fail = (reason: Error, afterMs: number): void => {
        this.#time.at(this.#time.nowMs + afterMs, () => reject(reason), caller);
      };
      if (fate === "overloaded") {
        fail(Object.assign(new Error("overloaded"), { overloaded: true }), upMs + downMs);
        return;
      }
      if (fate === "lost") fail(new Error("network"), upMs + downMs);
      if (fate === "lost" || (fate === "hangs" && this.#calls % 2 === 0)) return;
      const answer = (value: unknown): void => {
        if (fate === "hangs") return;
        if (fate === "unanswered") fail(new Error("network"), downMs);
        else {
          const lateMs = fate === "late" ? LATE_MS : 0;
          this.#time.at(this.#time.nowMs + downMs + lateMs, () => resolve(value), caller);
        }
      };
      this.#time.at(this.#time.nowMs + upMs, () => {
        this.#host.arrive(isolate, method, sent, change, answer, (reason) => fail(reason, downMs));
      });
    });
  }

  #history(): History {
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
      spends: this.#spends,
      variants: shelf.variants,
      usage: this.#host.with((object) => object.usage(query)) ?? [],
      faults: this.#faults + this.#host.losses,
      lives: this.#isolates.map(({ life }) => life),
    };
  }
}

/** The value as a call delivers it: a copy, plain data only. */
function copyOf<T>(value: T): T {
  return value === undefined ? value : JSON.parse(JSON.stringify(value));
}

function newKey(key: number) {
  return {
    keyId: keyIdOf(key),
    hash: String(key).repeat(64),
    name: "",
    scopes: ["call" as const],
    expiresMs: null,
  };
}

let grants = 0;

function changeCall(change: OperatorChange, localMs: number): [method: string, args: unknown[]] {
  const by = { actor: "op", reason: "" };
  switch (change.kind) {
    case "tier":
      return ["changeAccount", [{ tier: change.tier }, by]];
    case "status":
      return ["changeAccount", [{ status: change.status }, by]];
    case "numbers":
      return [
        "changeAccount",
        [{ overrides: change.burst === null ? {} : { minute: { burst: change.burst } } }, by],
      ];
    case "grant": {
      grants += 1;
      const { limit, amount, lastsMs } = change;
      const grant = {
        grantId: `grant-${grants}`,
        limit,
        amount,
        untilMs: localMs + lastsMs,
        createdMs: localMs,
      };
      return ["grant", [grant, by]];
    }
    case "reset":
      return ["reset", [change.limits, by]];
    case "key":
      return change.valid ? ["addKey", [newKey(change.key), by]] : ["revokeKey", [keyIdOf(change.key), by]];
  }
}

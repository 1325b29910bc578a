/**
 * The rules of lending, each with the expression in the code that keeps it, what stands in its place without the rule, and the kind of
 * random schedules that then break a guarantee. docs/consistency.md explains the rules; rules.test.ts switches them off one by one.
 */
export interface Rule {
  readonly name: string;
  readonly file: string;
  /** Occurs once in the file. */
  readonly expression: string;
  readonly without: string;
  /** Of random schedules (conditions.ts, focused-conditions.ts), or the name of one made by hand (rule-schedules.ts). */
  readonly kind: string;
}

export const RULES: readonly Rule[] = [
  {
    name: "a lease is granted only from what is neither spent nor lent",
    file: "durable-objects/user-limiter/lease-desk.ts",
    expression: "const plan = decidePlan(charges, counters.live, 0, nowMs, leases)",
    without: "const plan = decidePlan(charges, counters.live, 0, nowMs)",
    kind: "lent",
  },
  {
    name: "a lease ends before a grant or its key does",
    file: "src/core/lease.ts",
    expression: "Math.min(changesAtMs, nowMs - (nowMs % HOUR_MS) + HOUR_MS)",
    without: "nowMs - (nowMs % HOUR_MS) + HOUR_MS",
    kind: "endings",
  },
  {
    name: "a lease ends before the hour does",
    file: "src/core/lease.ts",
    expression: "Math.min(changesAtMs, nowMs - (nowMs % HOUR_MS) + HOUR_MS)",
    without: "changesAtMs",
    kind: "lentRough",
  },
  {
    name: "a lease ends so much earlier as a clock may lag",
    file: "src/core/lease.ts",
    expression: "endsAtMs - nowMs - CLOCK_ERROR_MS",
    without: "endsAtMs - nowMs",
    kind: "busyEndings",
  },
  {
    name: "a decision counts what is lent as spent",
    file: "durable-objects/user-limiter/decide.ts",
    expression: "decidePlan(charges, counters.live, costMilli, nowMs, leases)",
    without: "decidePlan(charges, counters.live, costMilli, nowMs)",
    kind: "lent",
  },
  {
    name: "a settlement charges the counters that the lease was taken from",
    file: "durable-objects/user-limiter/lease-settlement.ts",
    expression: "limit?.kind !== kinds[i]",
    without: "false",
    kind: "settledInAnotherTier",
  },
  {
    name: "a settlement takes a newer policy into use before it is charged",
    file: "durable-objects/user-limiter/lease-settlement.ts",
    expression: "memory.adoptPolicy(policy, nowMs)",
    without: "undefined",
    kind: "settledUnderANewerPolicy",
  },
  {
    name: "a counter is refilled up to a settlement before it is charged",
    file: "durable-objects/user-limiter/counters.ts",
    expression: "spend(meterAt(limit, this.#live.get(counter), atMs), costMilli).state",
    without:
      "spend(meterAt(limit, this.#live.get(counter), this.#live.get(counter)?.atMs ?? atMs), costMilli).state",
    kind: "spentAtTheEnd",
  },
  {
    name: "a quota of a new period is not charged for a lease of the old one",
    file: "durable-objects/user-limiter/counters.ts",
    expression: 'meter.kind !== "quota" || meter.state.startMs <= sinceMs',
    without: "true",
    kind: "settledInTheNextHour",
  },
  {
    name: "a lease that was not settled in time is charged in full",
    file: "durable-objects/user-limiter/lease-settlement.ts",
    expression: "charge(memory, policy, lease, null, Math.min(nowMs, closesAtMs(lease)), nowMs)",
    without: "undefined",
    kind: "isolatesDie",
  },
  {
    name: "a lease that was charged in full may still be metered",
    file: "src/core/lease-book.ts",
    expression: "this.#ended.get(id)",
    without: "undefined",
    kind: "cutOff",
  },
  {
    name: "floors cover what is lent and not written",
    file: "src/core/headroom.ts",
    expression: "!coversAt(limit, floor, state, milli, charged, nowMs)",
    without: "!coversAt(limit, floor, state, 0, charged, nowMs)",
    kind: "diesWithAQuotasLease",
  },
  {
    name: "what was charged for a lease is covered only if storage has the lease",
    file: "src/core/lease-book.ts",
    expression: "this.#stored.has(id) ? this.#storedMs(lease) : 0",
    without: "this.#storedMs(lease)",
    kind: "diesWithAQuotasLease",
  },
  {
    name: "what was charged for a lease covers nothing of the next period",
    file: "src/core/lease-book.ts",
    expression: "Math.min(closesAtMs(lease), this.#heldUntilMs, hourEndMs)",
    without: "Math.min(closesAtMs(lease), this.#heldUntilMs)",
    kind: "diesInTheNextHour",
  },
  {
    name: "the row says until when leases may be open that it does not hold",
    file: "durable-objects/user-limiter/memory.ts",
    expression: "leases.unwrittenUntilMs > this.#coversUntilMs",
    without: "false",
    kind: "crashesAndMoves",
  },
  {
    name: "a settlement of an earlier life is metered",
    file: "src/core/lease-book.ts",
    expression: "const life = this.#past.get(epoch)",
    without: "const life = undefined",
    kind: "diesAfterUnwrittenLease",
  },
  {
    name: "a settlement of an earlier life is metered once",
    file: "src/core/lease-book.ts",
    expression: "life.metered.has(n)",
    without: "false",
    kind: "unanswered",
  },
  {
    name: "a settlement of an earlier life is not metered if that has written its lease",
    file: "src/core/lease-book.ts",
    expression: "!(n > life.last)",
    without: "false",
    kind: "unanswered",
  },
  {
    name: "at most one headroom of usage is unwritten",
    file: "durable-objects/user-limiter/memory.ts",
    expression: "ledger.unwrittenMilli > this.#headroomMilli",
    without: "false",
    kind: "crashes",
  },
  {
    name: "a change waits for the leases of before",
    file: "durable-objects/user-limiter/fence.ts",
    expression: "memory.leases.hasOpen",
    without: "false",
    kind: "busyMoves",
  },
  {
    name: "a fence outlasts the clock of an isolate that lags",
    file: "durable-objects/user-limiter/fence.ts",
    expression: "Promise.race([closed(memory, keyId), scheduler.wait(MAX_WAIT_MS)])",
    without: "Promise.race([closed(memory, keyId), scheduler.wait(MAX_WAIT_MS - CLOCK_ERROR_MS)])",
    kind: "blockedWhileAClockLags",
  },
  {
    name: "a floor of a clock that was ahead is held for five seconds at most",
    file: "durable-objects/user-limiter/counters.ts",
    expression: "heldAtMost(state, nowMs + FLOOR_HOLD_MS)",
    without: "state",
    kind: "restartsWithAClockBehind",
  },
  {
    name: "a change after a load waits for leases that the object does not know",
    file: "durable-objects/user-limiter/fence.ts",
    expression: 'leases !== "none" && hasUnknown',
    without: "false",
    kind: "blockedAfterUnwrittenLease",
  },
  {
    name: "a change that admits more waits for denials that isolates repeat",
    file: "durable-objects/user-limiter/fence.ts",
    expression: "denials && hasDenials",
    without: "false",
    kind: "denied",
  },
  {
    name: "a call that is sent again changes nothing",
    file: "durable-objects/user-limiter/account-changes.ts",
    expression: "calls.find(callId)",
    without: "null",
    kind: "repeatedCalls",
  },
  {
    name: "until a change, a bucket refills by its old limit",
    file: "durable-objects/user-limiter/counters.ts",
    expression: 'old?.kind === "bucket" && state.kind === "bucket"',
    without: "false",
    kind: "lentChanged",
  },
  {
    name: "a reset waits for leases before it empties the counters",
    file: "durable-objects/user-limiter/account-changes.ts",
    expression: "fence(this.#store.memory, BOTH, Date.now())",
    without: "undefined",
    kind: "resets",
  },
  {
    name: "nothing is lent while a reset waits",
    file: "durable-objects/user-limiter/turn.ts",
    expression: "wantsLease && !isResetting",
    without: "wantsLease",
    kind: "lentChanged",
  },
  {
    name: "no denial is repeated while a reset waits",
    file: "durable-objects/user-limiter.ts",
    expression: "this.changes.isResetting ? 0 : this.#calls.repeatMs",
    without: "this.#calls.repeatMs",
    kind: "deniedResets",
  },
  {
    name: "a lease is spent only under its revision",
    file: "src/limiter/spendable-lease.ts",
    expression: "revision === this.lease.revision",
    without: "true",
    kind: "lentChanged",
  },
  {
    name: "a lease ends when its isolate's clock steps back",
    file: "src/limiter/leases.ts",
    expression: "lease.steps === this.#steps",
    without: "true",
    kind: "stepsBack",
  },
];

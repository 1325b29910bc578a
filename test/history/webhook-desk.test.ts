/** The WebhookDesk: at least once, in order per account, each endpoint by itself, for days, whatever fails. */
import { describe, expect, it, vi } from "vitest";
import { type Outcome, send } from "../../durable-objects/webhook-desk/send.ts";
import { FAILED, GONE, MAX_WAITING, OK, OPERATOR, SimulatedDesk } from "./webhook-desk.ts";

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

describe("delivery", () => {
  it("sends each event once to each endpoint that works, in order for each account", async () => {
    const desk = new SimulatedDesk();
    await desk.add("one", () => OK);
    await desk.add("two", () => OK);
    for (const n of range(30)) for (const account of ["ann", "bob", null]) await desk.put(account, n);
    await desk.pass(SECOND);
    for (const name of ["one", "two"]) {
      expect(desk.numbers(name)).toEqual({ ann: range(30), bob: range(30), null: range(30) });
    }
    expect((await desk.deliveries("one", "delivered")).length).toBe(90);
    expect(await desk.view("one")).toMatchObject({
      waiting: 0,
      dead: 0,
      lastAttempt: { status: 204, error: null },
    });
  });

  it("takes an event once, however often an outbox delivers it (opencode#28402, lago#239)", async () => {
    const desk = new SimulatedDesk();
    await desk.add("one", () => OK);
    await desk.put("ann", 1);
    await desk.put("ann", 1);
    await desk.settle();
    await desk.put("ann", 1);
    await desk.pass(DAY);
    expect(desk.attempts("one")).toBe(1);
  });

  it("keeps nothing while no endpoint wants it, and sends nothing from before an endpoint was made", async () => {
    const desk = new SimulatedDesk();
    await desk.put("ann", 1);
    expect(desk.disk.kv.size).toBe(0);
    await desk.add("one", () => OK, { events: ["invoice.paid"] });
    await desk.put("ann", 2);
    await desk.put("ann", 3, "invoice.paid");
    await desk.add("two", () => OK);
    await desk.put("ann", 4);
    await desk.pass(MINUTE);
    expect(desk.numbers("one")).toEqual({ ann: [3] });
    expect(desk.numbers("two")).toEqual({ ann: [4] });
  });

  it("retries by the schedule, then lists the delivery as dead, and continues with the account's next", async () => {
    const desk = new SimulatedDesk();
    await desk.add("one", ({ body }) => (body.includes('"n":1}') ? FAILED : OK));
    await desk.put("ann", 1);
    await desk.put("ann", 2);
    await desk.put("bob", 3);
    const startMs = desk.nowMs;
    await desk.pass(4 * DAY);
    const seen = desk.seen.get("https://one.example/") ?? [];
    const hours = [0, 5 / 3600, 5 / 60, 0.5, 2, 5, 10, 14, 20, 24];
    let sumMs = 0;
    const expected = hours.map((wait) => (sumMs += wait * HOUR));
    expect(seen.filter(({ n }) => n === 1).map(({ atMs }) => Math.round(atMs - startMs))).toEqual(
      expected.map(Math.round),
    );
    expect(seen.find(({ n }) => n === 3)?.atMs).toBe(startMs);
    expect(seen.find(({ n }) => n === 2)?.atMs).toBe(startMs + (expected.at(-1) ?? 0));
    expect(await desk.deliveries("one", "dead")).toMatchObject([
      {
        event: "evt_ann1",
        attempts: 10,
        nextAttemptMs: null,
        lastAttempt: { status: 500, error: "Answered 500" },
      },
    ]);
    expect(desk.metrics.get("webhookAttempts.dead")).toBe(1);
    expect(desk.metrics.get("webhookAttempts.failed")).toBe(9);
  });

  it("is delayed by no other endpoint, even by nine that never answer", async () => {
    const desk = new SimulatedDesk();
    await desk.add("works", () => OK);
    await desk.put("ann", -1);
    await desk.settle();
    for (const n of range(9)) await desk.add(`hangs${n}`, () => new Promise<Outcome>(() => undefined));
    for (const n of range(50)) {
      for (const account of ["ann", "bob", "cy", "dee"])
        await desk.desk.put(`evt_${account}${n}`, body(account, n));
    }
    // Nothing here waits for time: what is delivered is delivered at once.
    for (let turns = 0; turns < 5_000 && desk.attempts("works") < 201; turns++) await Promise.resolve();
    expect(desk.numbers("works")).toEqual({
      ann: [-1, ...range(50)],
      bob: range(50),
      cy: range(50),
      dee: range(50),
    });
    expect(desk.peak).toBeLessThanOrEqual(6);
  });

  it("starts few attempts in an invocation of the object, and continues at once in others", async () => {
    const desk = new SimulatedDesk();
    await desk.add("one", () => OK, { events: ["account.created"] });
    const change = { enabled: false };
    await desk.desk.ask({ ask: "change", id: "one", change, by: OPERATOR });
    for (const n of range(300)) await desk.put(n % 2 === 0 ? "ann" : "bob", n);
    await desk.settle();
    expect(desk.attempts("one")).toBe(0);
    await desk.invoke(async (object) =>
      object.ask({ ask: "change", id: "one", change: { enabled: true }, by: OPERATOR }),
    );
    await desk.settle();
    expect(desk.attempts("one")).toBe(24);
    await desk.pass(0);
    expect([desk.attempts("one"), desk.peakOfInvocation]).toEqual([300, 24]);
  });
});

const body = (account: string, n: number): string =>
  JSON.stringify({ type: "account.created", timestamp: "2026-01-01T00:00:00Z", data: { account, n } });

describe("an attempt", () => {
  it("leaves no timer behind, of which an object may have 10,000", async () => {
    vi.useFakeTimers();
    const timeout = vi.spyOn(AbortSignal, "timeout");
    const answer = Promise.withResolvers<Response>();
    vi.stubGlobal("fetch", async () => answer.promise);
    try {
      const message = {
        url: "https://one.example/",
        secrets: [`whsec_${btoa("x".repeat(32))}`],
        id: "evt_1",
        body: "{}",
      };
      const attempt = send(message, Date.now());
      expect(vi.getTimerCount()).toBe(1);
      answer.resolve(new Response(null, { status: 204 }));
      expect(await attempt).toEqual(OK);
      expect([vi.getTimerCount(), timeout.mock.calls]).toEqual([0, []]);
    } finally {
      vi.unstubAllGlobals();
      vi.restoreAllMocks();
      vi.useRealTimers();
    }
  });

  it("that cannot be signed or sent is a failed one", async () => {
    const message = { url: "https://one.example/", secrets: ["whsec_%"], id: "evt_1", body: "{}" };
    expect(await send(message, Date.now())).toMatchObject({ status: null, error: expect.any(String) });
  });
});

describe("a crash", () => {
  it("loses nothing that was taken, and sends again what was being sent", async () => {
    const desk = new SimulatedDesk();
    let answer: (outcome: Outcome) => void = () => undefined;
    let isHanging = true;
    await desk.add("one", () => (isHanging ? new Promise<Outcome>((done) => (answer = done)) : OK));
    for (const n of range(3)) await desk.put("ann", n);
    expect(desk.attempts("one")).toBe(1);
    desk.crash();
    isHanging = false;
    answer(OK);
    await desk.pass(MINUTE);
    expect(desk.numbers("one")).toEqual({ ann: [0, 0, 1, 2] });
    expect((await desk.deliveries("one", "delivered")).length).toBe(3);
  });

  it("at any moment loses none and keeps the order, while two endpoints fail at random", async () => {
    let seed = 7;
    const random = (): number => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647;
    const desk = new SimulatedDesk();
    await desk.add("one", () => (random() < 0.3 ? FAILED : OK));
    await desk.add("two", () => (random() < 0.1 ? FAILED : OK));
    for (const n of range(60)) {
      for (const account of ["ann", "bob"]) await desk.put(account, n);
      if (random() < 0.3) desk.crash();
      if (random() < 0.3) await desk.pass(random() * 10 * MINUTE);
    }
    await desk.pass(3 * DAY);
    for (const name of ["one", "two"]) {
      for (const numbers of Object.values(desk.numbers(name))) {
        // Repeats of the number before are retries and duplicates; none is skipped, none comes back.
        expect(numbers.filter((n, i) => n !== numbers[i - 1])).toEqual(range(60));
      }
    }
  });
});

describe("an endpoint", () => {
  it("that answers 410 is disabled, and gets what waits when it is enabled again", async () => {
    const desk = new SimulatedDesk();
    let isGone = true;
    await desk.add("one", () => (isGone ? GONE : OK));
    await desk.put("ann", 1);
    await desk.put("ann", 2);
    await desk.pass(DAY);
    expect(desk.attempts("one")).toBe(1);
    expect(await desk.view("one")).toMatchObject({ disabled: "gone", waiting: 2 });
    expect(desk.metrics.get("webhookDisabled")).toBe(1);
    isGone = false;
    await desk.desk.ask({ ask: "change", id: "one", change: { enabled: true }, by: OPERATOR });
    await desk.pass(MINUTE);
    expect(desk.numbers("one")).toEqual({ ann: [1, 1, 2] });
    expect(await desk.view("one")).toMatchObject({ disabled: null, waiting: 0 });
  });

  it("that fails while its queue is full is disabled; the others and its events are not affected", async () => {
    const desk = new SimulatedDesk();
    let isDead = true;
    await desk.add("dead", () => (isDead ? FAILED : OK));
    await desk.add("works", () => OK);
    for (const n of range(600)) await desk.put(`user${n % 50}`, n);
    await desk.pass(MINUTE);
    expect(desk.attempts("works")).toBe(600);
    expect(await desk.view("dead")).toMatchObject({ disabled: "full", waiting: 600 });
    const attempts = desk.attempts("dead");
    await desk.pass(DAY);
    expect(desk.attempts("dead")).toBe(attempts);
    isDead = false;
    await desk.desk.ask({ ask: "change", id: "dead", change: { enabled: true }, by: OPERATOR });
    await desk.pass(HOUR);
    expect(await desk.view("dead")).toMatchObject({ disabled: null, waiting: 0, dead: 0 });
    const { user7 } = desk.numbers("dead");
    expect([...new Set(user7)]).toEqual(range(12).map((n) => 7 + n * 50));
  });

  it("gets events of 30 days and no older ones", async () => {
    const desk = new SimulatedDesk();
    await desk.add("one", () => OK);
    await desk.desk.ask({ ask: "change", id: "one", change: { enabled: false }, by: OPERATOR });
    await desk.put("ann", 1);
    await desk.pass(20 * DAY);
    await desk.put("ann", 2);
    await desk.pass(12 * DAY);
    await desk.desk.ask({ ask: "change", id: "one", change: { enabled: true }, by: OPERATOR });
    await desk.pass(DAY);
    expect(desk.numbers("one")).toEqual({ ann: [2] });
    await desk.pass(40 * DAY);
    expect(desk.disk.exec("SELECT 1 FROM events", [])).toEqual([]);
    expect(desk.disk.exec("SELECT 1 FROM deliveries", [])).toEqual([]);
    // Nothing is left to do: an idle desk costs nothing.
    expect(desk.disk.alarmMs).toBeNull();
  });

  it("signs by both secrets for a day after a rotation, then by the new one", async () => {
    const desk = new SimulatedDesk();
    await desk.add("one", () => OK);
    const secret = `whsec_${btoa("another".padEnd(32))}`;
    const rotate = {
      ask: "rotate",
      id: "one",
      secret,
      by: { ...OPERATOR, callId: "a", fingerprint: "x" },
    } as const;
    expect(await desk.desk.ask(rotate)).toMatchObject({ kind: "endpoint", isNew: true });
    expect(await desk.desk.ask({ ...rotate, secret: "whsec_b3RoZXI=" })).toMatchObject({ isNew: false });
    await desk.put("ann", 1);
    await desk.pass(DAY + 1);
    await desk.put("ann", 2);
    await desk.settle();
    const secrets = (desk.seen.get("https://one.example/") ?? []).map((seen) => seen.secrets);
    expect(secrets).toEqual([[secret, `whsec_${btoa("one".padEnd(32))}`], [secret]]);
  });

  it("is one of ten at most, and is made once for an Idempotency-Key", async () => {
    const desk = new SimulatedDesk();
    for (const n of range(10)) await desk.add(`e${n}`, () => OK);
    expect(await desk.add("more", () => OK)).toEqual({ kind: "too-many" });
    await desk.desk.ask({ ask: "delete", id: "e0", by: OPERATOR });
    const by = { ...OPERATOR, callId: "c", fingerprint: "f" };
    const input = { id: "a", url: "https://a.example/", description: "", events: null, secret: "whsec_YQ==" };
    expect(await desk.desk.ask({ ask: "add", input, by })).toMatchObject({ isNew: true });
    expect(await desk.desk.ask({ ask: "add", input: { ...input, id: "b" }, by })).toMatchObject({
      endpoint: { id: "a" },
      isNew: false,
    });
    expect(await desk.desk.ask({ ask: "add", input, by: { ...by, fingerprint: "g" } })).toEqual({
      kind: "call-differs",
    });
  });

  it("leaves an audit trail without secrets, also when it is deleted", async () => {
    const desk = new SimulatedDesk();
    await desk.add("one", () => OK);
    await desk.desk.ask({ ask: "change", id: "one", change: { description: "D" }, by: OPERATOR });
    await desk.desk.ask({ ask: "rotate", id: "one", secret: "whsec_bmV3", by: OPERATOR });
    await desk.desk.ask({ ask: "delete", id: "one", by: OPERATOR });
    const answer = await desk.desk.ask({ ask: "audit", before: 100, count: 10 });
    if (answer.kind !== "audit") throw new Error(answer.kind);
    const actions = answer.entries.map(({ action }) => action);
    expect(actions).toEqual(["webhook.delete", "webhook.rotate", "webhook.change", "webhook.create"]);
    expect(JSON.stringify(answer)).not.toContain("whsec_");
  });
});

describe("a replay", () => {
  it("sends a dead event again, with the same id and ten attempts", async () => {
    const desk = new SimulatedDesk();
    let isDead = true;
    await desk.add("one", () => (isDead ? FAILED : OK));
    await desk.put("ann", 1);
    await desk.pass(4 * DAY);
    expect(await desk.view("one")).toMatchObject({ waiting: 0, dead: 1 });
    isDead = false;
    const by = { ...OPERATOR, callId: "r", fingerprint: "f" };
    const replay = { ask: "replay", id: "one", event: "evt_ann1", by } as const;
    expect(await desk.desk.ask(replay)).toMatchObject({
      kind: "replayed",
      delivery: { state: "waiting", attempts: 0 },
    });
    await desk.settle();
    expect(await desk.view("one")).toMatchObject({ waiting: 0, dead: 0 });
    await desk.desk.ask(replay);
    await desk.pass(MINUTE);
    expect(desk.attempts("one")).toBe(11);
    expect(new Set((desk.seen.get("https://one.example/") ?? []).map(({ id }) => id))).toEqual(
      new Set(["evt_ann1"]),
    );
  });

  it("is rejected for a disabled endpoint, and for an event that it never had", async () => {
    const desk = new SimulatedDesk();
    await desk.add("one", () => GONE);
    await desk.put("ann", 1);
    await desk.pass(MINUTE);
    const replay = { ask: "replay", id: "one", event: "evt_ann1", by: OPERATOR } as const;
    expect(await desk.desk.ask(replay)).toEqual({ kind: "disabled" });
    expect(await desk.desk.ask({ ...replay, event: "evt_x" })).toEqual({ kind: "no-event" });
    expect(await desk.desk.ask({ ...replay, id: "x" })).toEqual({ kind: "no-endpoint" });
  });
});

describe("a replay of all that is dead", () => {
  const replayDead = { ask: "replay-dead", id: "one", by: OPERATOR } as const;

  /** So many dead events of each account. @returns what makes the endpoint work. */
  async function withDead(accounts: readonly string[], count: number) {
    const desk = new SimulatedDesk();
    let isDead = true;
    await desk.add("one", () => (isDead ? FAILED : OK));
    for (const n of range(count)) for (const account of accounts) await desk.put(account, n);
    // An event is tried when the one before is dead.
    await desk.pass(4 * DAY * count);
    desk.seen.clear();
    return { desk, repair: () => void (isDead = false) };
  }

  it("sends them again, those of an account in order, with ten attempts each", async () => {
    const { desk, repair } = await withDead(["ann", "bob"], 4);
    expect(await desk.view("one")).toMatchObject({ waiting: 0, dead: 8 });
    repair();
    const answer = await desk.invoke(async (one) => one.ask(replayDead));
    expect(answer).toEqual({ kind: "replayed-dead", replayed: 8, dead: 0 });
    await desk.pass(MINUTE);
    expect(desk.numbers("one")).toEqual({ ann: range(4), bob: range(4) });
    expect(await desk.view("one")).toMatchObject({ waiting: 0, dead: 0 });
    expect(await desk.invoke(async (one) => one.ask(replayDead))).toMatchObject({ replayed: 0, dead: 0 });
  });

  it("holds back what follows while the first fails again", async () => {
    const { desk } = await withDead(["ann"], 2);
    await desk.invoke(async (one) => one.ask(replayDead));
    await desk.pass(HOUR);
    expect(new Set(desk.numbers("one")["ann"])).toEqual(new Set([0]));
    expect(await desk.view("one")).toMatchObject({ waiting: 2, dead: 0 });
  });

  it("replays once for an Idempotency-Key", async () => {
    const { desk } = await withDead(["ann", "bob"], 1);
    const by = { ...OPERATOR, callId: "r", fingerprint: "f" };
    const once = { ...replayDead, by };
    expect(await desk.desk.ask(once)).toMatchObject({ replayed: 2, dead: 0 });
    await desk.pass(4 * DAY);
    // They are dead again: only a new call replays them.
    expect(await desk.desk.ask(once)).toEqual({ kind: "replayed-dead", replayed: 2, dead: 2 });
    expect(await desk.view("one")).toMatchObject({ waiting: 0, dead: 2 });
    expect(await desk.desk.ask({ ...once, by: { ...by, fingerprint: "g" } })).toEqual({
      kind: "call-differs",
    });
  });

  it("takes the oldest, until half of the queue waits, so that it never disables an endpoint that still fails", async () => {
    const { desk, repair } = await withDead(
      range(400).map((n) => `user${n}`),
      1,
    );
    for (const n of range(50)) await desk.put(`later${n}`, 0);
    await desk.pass(MINUTE);
    expect(await desk.view("one")).toMatchObject({ waiting: 50, dead: 400, disabled: null });
    expect(await desk.desk.ask(replayDead)).toMatchObject({ replayed: 200, dead: 200 });
    expect(await desk.desk.ask(replayDead)).toMatchObject({ replayed: 0, dead: 200 });
    await desk.pass(HOUR);
    expect(await desk.view("one")).toMatchObject({ waiting: MAX_WAITING / 2, disabled: null });
    const dead = await desk.deliveries("one", "dead");
    expect(new Set(dead.map(({ account }) => account))).toEqual(
      new Set(range(200).map((n) => `user${n + 200}`)),
    );
    repair();
    await desk.pass(DAY);
    expect(await desk.desk.ask(replayDead)).toMatchObject({ replayed: 200, dead: 0 });
    await desk.pass(DAY);
    expect(await desk.view("one")).toMatchObject({ waiting: 0, dead: 0 });
  });

  it("is rejected for a disabled endpoint, and for none", async () => {
    const { desk } = await withDead(["ann"], 1);
    await desk.desk.ask({ ask: "change", id: "one", change: { enabled: false }, by: OPERATOR });
    expect(await desk.desk.ask(replayDead)).toEqual({ kind: "disabled" });
    expect(await desk.desk.ask({ ...replayDead, id: "x" })).toEqual({ kind: "no-endpoint" });
  });
});

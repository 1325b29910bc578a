/** The live screen without a page: what it reads, keeps and connects. */
import { expect, test } from "vitest";
import {
  type ConnectionState,
  LiveConnection,
  type SocketEvents,
} from "../../dashboard/src/live/live-connection.ts";
import { toAccount } from "../../dashboard/src/live/live-filter-form.tsx";
import { FILTERS, filtersOf, type Frame, parseFrame } from "../../dashboard/src/live/live-frame.ts";
import { LiveList, MOST_ROWS, SECONDS } from "../../dashboard/src/live/live-list.ts";
import { DISPLACED, LIVE_FILTERS, liveRow, passes, viewerMessageSchema } from "../../src/analytics/live.ts";

const POINT = {
  atMs: 0,
  account: "user:a",
  route: "r",
  tier: "free",
  outcome: "allowed",
  reason: "ok",
  source: "strict",
  method: "GET",
  colo: "",
  country: "",
  revision: 1,
  keyId: "",
  upstreamStatus: "2xx",
  requestId: "id",
  cost: 1,
  limiterMs: 2,
  upstreamMs: 3,
  remainingFraction: 0.5,
  retryAfterMs: 0,
  requests: 1,
} as const;
const ROW = parseFrame(JSON.stringify({ seq: 1, rows: [liveRow(POINT)], skipped: 0 }))?.rows[0];

function frame(rows: number, skipped = 0, requests = 1): Frame {
  return { seq: 1, rows: Array.from({ length: rows }, () => ({ ...ROW!, requests })), skipped };
}

test("reads the hub's own frames, and nothing else", () => {
  expect(ROW).toMatchObject({ at: "1970-01-01T00:00:00.000Z", account: "user:a", remainingFraction: 0.5 });
  for (const strange of [
    "",
    "[]",
    '{"seq":1,"rows":[{}],"skipped":0}',
    '{"seq":1,"rows":0,"skipped":0}',
    null,
  ]) {
    expect(parseFrame(strange)).toBeNull();
  }
});

test("shows and filters denials by a limit apart from what is turned away, as reports do", () => {
  const denied = { ...POINT, outcome: "denied", reason: "minute" } as const;
  const outcomes = [
    [denied, "denied"],
    [{ ...denied, reason: "blocked" }, "turned_away"],
    [{ ...denied, reason: "overloaded", source: "none" }, "turned_away"],
    [{ ...denied, reason: "not_found", source: "none", account: "" }, "turned_away"],
    [POINT, "allowed"],
  ] as const;
  for (const [point, outcome] of outcomes) {
    expect(liveRow(point).outcome).toBe(outcome);
    const passing = ["allowed", "denied", "turned_away", "error"].filter((wanted) =>
      passes(point, { outcome: wanted }),
    );
    expect(passing).toEqual([outcome]);
  }
});

test("filters by what the hub can filter by, and asks nothing that it refuses", () => {
  expect([...FILTERS]).toEqual([...LIVE_FILTERS]);
  const filters = filtersOf({ account: "user:a", tier: "", zoom: "1", reason: "x".repeat(300) });
  expect(filters).toEqual({ account: "user:a", reason: "x".repeat(256) });
  expect(viewerMessageSchema.safeParse({ filters }).success).toBe(true);
  expect([toAccount(" a "), toAccount("ip:192.0.2.1"), toAccount("user:a"), toAccount("")]).toEqual([
    "user:a",
    "ip:192.0.2.1",
    "user:a",
    "",
  ]);
});

test("lists at most twenty rows a second, the newest first, and counts the others", () => {
  const list = new LiveList();
  list.take(frame(15), 0);
  list.take(frame(15), 500);
  expect([list.rows.length, list.skipped]).toEqual([20, 10]);
  list.take(frame(1, 7), 1_000);
  expect([list.rows.length, list.skipped, list.rows[0]?.id]).toEqual([21, 17, 21]);
  list.clear();
  expect([list.rows.length, list.skipped]).toEqual([0, 0]);
});

test("stays bounded, however long it is watched", () => {
  const list = new LiveList();
  for (let second = 0; second < 300; second += 1) list.take(frame(20), second * 1_000);
  expect(list.rows).toHaveLength(MOST_ROWS);
  expect(new Set(list.rows.map(({ id }) => id)).size).toBe(MOST_ROWS);
  expect(list.perSecond(300_000)).toEqual(Array.from({ length: SECONDS }, () => 20));
});

test("counts requests by the second, those that were skipped too, and forgets them after a minute", () => {
  const list = new LiveList();
  list.take(frame(2, 3, 10), 10_400);
  expect(list.perSecond(10_900).at(-1)).toBe(0);
  expect(list.perSecond(11_000).at(-1)).toBe(23);
  expect(list.perSecond(70_999)[0]).toBe(23);
  const isNothing = (nowMs: number) => list.perSecond(nowMs).every((value) => value === 0);
  expect(isNothing(71_000)).toBe(true);
  list.take(frame(1), 71_400);
  expect([list.perSecond(72_000).at(-1), list.perSecond(72_000).at(0)]).toEqual([1, 0]);
  // The clock was put back.
  list.take(frame(0), 30_000);
  expect(isNothing(60_000)).toBe(true);
});

/** Sockets, a clock and timers by hand. */
class Surroundings {
  now = 0;
  readonly states: ConnectionState["kind"][] = [];
  readonly sockets: { events: SocketEvents; sent: unknown[]; isClosed: boolean }[] = [];
  readonly #timers = new Map<number, { atMs: number; work: () => void }>();
  #lastTimer = 0;

  readonly connection = new LiveConnection(
    {
      open: (_filters, events) => {
        const socket = { events, sent: [] as unknown[], isClosed: false };
        this.sockets.push(socket);
        return {
          send: (text) => void socket.sent.push(JSON.parse(text)),
          close: () => {
            socket.isClosed = true;
            // As a browser does, later than it was asked to.
            queueMicrotask(() => events.closed(1005));
          },
        };
      },
      nowMs: () => this.now,
      later: (work, ms) => {
        const id = ++this.#lastTimer;
        this.#timers.set(id, { atMs: this.now + ms, work });
        return () => this.#timers.delete(id);
      },
      random: () => 0.5,
      onState: ({ kind }) => this.states.push(kind),
      onFrame: () => undefined,
    },
    { tier: "free" },
  );

  get newest() {
    return this.sockets.at(-1)!;
  }

  pass(ms: number): void {
    this.now += ms;
    for (const [id, { atMs, work }] of this.#timers) {
      if (atMs > this.now) continue;
      this.#timers.delete(id);
      work();
    }
  }

  get isWaiting(): boolean {
    return this.#timers.size > 0;
  }
}

test("tells a new connection the filters and the pause that changed while it was opened", () => {
  const around = new Surroundings();
  around.connection.start();
  around.connection.filter({ tier: "pro" });
  around.connection.pause(true);
  expect(around.newest.sent).toEqual([]);
  around.newest.events.opened();
  expect(around.newest.sent).toEqual([{ filters: { tier: "pro" } }, { pause: true }]);
  around.connection.acknowledge(7);
  expect(around.newest.sent.at(-1)).toEqual({ ack: 7 });
  for (const message of around.newest.sent) expect(viewerMessageSchema.safeParse(message).success).toBe(true);
});

test("opens a lost connection again after 1, 2, 4, ... 30 seconds, and after 1 once one was good", () => {
  const around = new Surroundings();
  around.connection.start();
  for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
    const { length } = around.sockets;
    around.newest.events.closed(1006);
    around.pass(seconds * 1_000 - 1);
    expect(around.sockets).toHaveLength(length);
    around.pass(1);
    expect(around.sockets).toHaveLength(length + 1);
  }
  around.newest.events.opened();
  around.pass(5_000);
  around.newest.events.closed(1006);
  around.pass(1_000);
  expect(around.states.slice(-3)).toEqual(["open", "waiting", "connecting"]);
});

test("does not open again what was closed on purpose, nor listens to it", async () => {
  const around = new Surroundings();
  around.connection.start();
  around.newest.events.opened();
  around.connection.stop();
  await Promise.resolve();
  around.newest.events.opened();
  expect([around.newest.isClosed, around.isWaiting, around.states.at(-1)]).toEqual([true, false, "closed"]);
  around.connection.start();
  around.connection.start();
  expect(around.sockets).toHaveLength(2);
});

test("does not fight for its place: a displaced connection opens again only when it is asked to", async () => {
  const around = new Surroundings();
  around.connection.start();
  around.newest.events.opened();
  around.newest.events.closed(DISPLACED);
  expect([around.states.at(-1), around.isWaiting]).toEqual(["displaced", false]);
  // Neither time, nor a network that comes back, nor another look at the tab is a wish.
  around.pass(3_600_000);
  around.connection.start();
  around.connection.stop();
  around.connection.start();
  await Promise.resolve();
  expect([around.sockets.length, around.states.at(-1), around.isWaiting]).toEqual([1, "displaced", false]);
  around.connection.restart();
  around.newest.events.opened();
  expect([around.sockets.length, around.states.at(-1)]).toEqual([2, "open"]);
  around.newest.events.closed(1006);
  expect(around.states.at(-1)).toBe("waiting");
});

test("gives up a handshake that takes too long", async () => {
  const around = new Surroundings();
  around.connection.start();
  around.pass(10_000);
  await Promise.resolve();
  expect([around.sockets[0]?.isClosed, around.states.at(-1)]).toEqual([true, "waiting"]);
  around.pass(1_000);
  expect(around.sockets).toHaveLength(2);
});

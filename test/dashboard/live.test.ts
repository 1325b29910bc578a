/** The live screen without a page: its frames, its list and its connection. */
import { expect, test } from "vitest";
import {
  type ConnectionState,
  LiveConnection,
  type SocketEvents,
} from "../../dashboard/src/live/live-connection.ts";
import { FILTERS, filtersOf, matching, parseFrame } from "../../dashboard/src/live/live-frame.ts";
import { LiveList, MAX_ROWS, SECONDS } from "../../dashboard/src/live/live-list.ts";
import type { LiveFrame } from "../../dashboard/src/shell/answers.ts";
import { DISPLACED, LIVE_FILTERS, liveRow, passes, viewerMessageSchema } from "../../src/analytics/live.ts";
import { point } from "../metrics/points.ts";

const POINT = point({ atMs: 0, account: "user:a", remainingFraction: 0.5 });
const ROW = parseFrame(JSON.stringify({ seq: 1, rows: [liveRow(POINT)], skipped: 0 }))?.rows[0];

function frame(rows: number, skipped = 0, requests = 1): LiveFrame {
  return { seq: 1, rows: Array.from({ length: rows }, () => ({ ...ROW!, requests })), skipped };
}

test("reads the hub's frames, and rejects anything else", () => {
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

test("separates denials by a limit from requests turned away, as reports do", () => {
  const denied = { ...POINT, outcome: "denied", reason: "minute" } as const;
  const outcomes = [
    [denied, "denied"],
    [{ ...denied, reason: "blocked" }, "turned_away"],
    [{ ...denied, reason: "overloaded", source: "none" }, "turned_away"],
    [{ ...denied, reason: "not_found", source: "none", account: "" }, "turned_away"],
    [POINT, "allowed"],
  ] as const;
  for (const [made, outcome] of outcomes) {
    expect(liveRow(made).outcome).toBe(outcome);
    const passing = ["allowed", "denied", "turned_away", "error"].filter((wanted) =>
      passes(made, { outcome: wanted }),
    );
    expect(passing).toEqual([outcome]);
  }
});

test("has the hub's filters, and sends none that the hub rejects", () => {
  expect([...FILTERS]).toEqual([...LIVE_FILTERS]);
  const filters = filtersOf({ account: "user:a", tier: "", zoom: "1", reason: "x".repeat(300) });
  expect(filters).toEqual({ account: "user:a", reason: "x".repeat(256) });
  expect(viewerMessageSchema.safeParse({ filters }).success).toBe(true);
});

test("drops the rows of a frame that was sent before the filters changed", () => {
  const rows = [ROW!, { ...ROW!, outcome: "denied" as const }];
  const found = matching({ seq: 7, rows, skipped: 2 }, { outcome: "denied", account: "user:a" });
  expect([found.seq, found.skipped, found.rows.map(({ outcome }) => outcome)]).toEqual([7, 2, ["denied"]]);
  expect(matching({ seq: 7, rows, skipped: 0 }, {}).rows).toHaveLength(2);
});

test("lists at most twenty rows per second, newest first, and counts the others", () => {
  const list = new LiveList();
  list.take(frame(15), 0);
  list.take(frame(15), 500);
  expect([list.rows.length, list.skipped]).toEqual([20, 10]);
  list.take(frame(1, 7), 1_000);
  expect([list.rows.length, list.skipped, list.rows[0]?.id]).toEqual([21, 17, 21]);
  list.clear();
  expect([list.rows.length, list.skipped]).toEqual([0, 0]);
});

test("stays bounded, however long it runs", () => {
  const list = new LiveList();
  for (let second = 0; second < 300; second += 1) list.take(frame(20), second * 1_000);
  expect(list.rows).toHaveLength(MAX_ROWS);
  expect(new Set(list.rows.map(({ id }) => id)).size).toBe(MAX_ROWS);
  expect(list.perSecond(300_000)).toEqual(Array.from({ length: SECONDS }, () => 20));
});

test("counts requests per second, including skipped ones, and forgets them after a minute", () => {
  const list = new LiveList();
  list.take(frame(2, 3, 10), 10_400);
  expect(list.perSecond(10_900).at(-1)).toBeNull();
  expect(list.perSecond(11_000).at(-1)).toBe(23);
  expect(list.perSecond(70_999)[0]).toBe(23);
  const isNothing = (nowMs: number) => list.perSecond(nowMs).every((value) => (value ?? 0) === 0);
  expect(isNothing(71_000)).toBe(true);
  list.take(frame(1), 71_400);
  expect([list.perSecond(72_000).at(-1), list.perSecond(72_000).at(0)]).toEqual([1, 0]);
  // The clock was set back.
  list.take(frame(0), 30_000);
  expect(isNothing(60_000)).toBe(true);
});

test("does not know the rate of the time before the stream was open, but knows it without any frame afterwards", () => {
  const list = new LiveList();
  expect(list.perSecond(90_000).every((value) => value === null)).toBe(true);
  list.begin(60_500);
  expect(list.perSecond(90_000).slice(-31)).toEqual([null, ...Array.from({ length: 30 }, () => 0)]);
});

/** Sockets, a clock and timers that the test controls. */
class TestEnvironment {
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
            // As in a browser, the event comes later than the call.
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

test("sends the filters and the pause that changed during the handshake", () => {
  const environment = new TestEnvironment();
  environment.connection.start();
  environment.connection.filter({ tier: "pro" });
  environment.connection.pause(true);
  expect(environment.newest.sent).toEqual([]);
  environment.newest.events.opened();
  expect(environment.newest.sent).toEqual([{ filters: { tier: "pro" } }, { pause: true }]);
  environment.connection.acknowledge(7);
  expect(environment.newest.sent.at(-1)).toEqual({ ack: 7 });
  for (const message of environment.newest.sent)
    expect(viewerMessageSchema.safeParse(message).success).toBe(true);
});

test("reconnects after 1, 2, 4, ... 30 seconds, and after 1 again once a connection was stable", () => {
  const environment = new TestEnvironment();
  environment.connection.start();
  for (const seconds of [1, 2, 4, 8, 16, 30, 30]) {
    const { length } = environment.sockets;
    environment.newest.events.closed(1006);
    environment.pass(seconds * 1_000 - 1);
    expect(environment.sockets).toHaveLength(length);
    environment.pass(1);
    expect(environment.sockets).toHaveLength(length + 1);
  }
  environment.newest.events.opened();
  environment.pass(5_000);
  environment.newest.events.closed(1006);
  environment.pass(1_000);
  expect(environment.states.slice(-3)).toEqual(["open", "waiting", "connecting"]);
});

test("neither reconnects nor listens after it was stopped", async () => {
  const environment = new TestEnvironment();
  environment.connection.start();
  environment.newest.events.opened();
  environment.connection.stop();
  await Promise.resolve();
  environment.newest.events.opened();
  expect([environment.newest.isClosed, environment.isWaiting, environment.states.at(-1)]).toEqual([
    true,
    false,
    "closed",
  ]);
  environment.connection.start();
  environment.connection.start();
  expect(environment.sockets).toHaveLength(2);
});

test("reconnects a displaced connection only when the viewer asks for it", async () => {
  const environment = new TestEnvironment();
  environment.connection.start();
  environment.newest.events.opened();
  environment.newest.events.closed(DISPLACED);
  expect([environment.states.at(-1), environment.isWaiting]).toEqual(["displaced", false]);
  // Neither time, nor the network coming back, nor showing the tab again reconnects it.
  environment.pass(3_600_000);
  environment.connection.start();
  environment.connection.stop();
  environment.connection.start();
  await Promise.resolve();
  expect([environment.sockets.length, environment.states.at(-1), environment.isWaiting]).toEqual([
    1,
    "displaced",
    false,
  ]);
  environment.connection.restart();
  environment.newest.events.opened();
  expect([environment.sockets.length, environment.states.at(-1)]).toEqual([2, "open"]);
  environment.newest.events.closed(1006);
  expect(environment.states.at(-1)).toBe("waiting");
});

test("gives up a handshake that takes too long", async () => {
  const environment = new TestEnvironment();
  environment.connection.start();
  environment.pass(10_000);
  await Promise.resolve();
  expect([environment.sockets[0]?.isClosed, environment.states.at(-1)]).toEqual([true, "waiting"]);
  environment.pass(1_000);
  expect(environment.sockets).toHaveLength(2);
});

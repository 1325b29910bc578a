/**
 * The hub in the real runtime: a batch counts once, a counter that was shown never goes back, and live viewers get what they
 * asked for, no faster than they take it.
 */
import {
  abortAllDurableObjects,
  evictDurableObject,
  runDurableObjectAlarm,
  runInDurableObject,
} from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it, vi } from "vitest";
import { MetricDeltas } from "../../src/analytics/metrics/metric-deltas.ts";
import { MetricStore } from "../../src/analytics/metrics/metric-store.ts";
import { countPoint } from "../../src/analytics/metrics/count-point.ts";
import type { Point } from "../../src/analytics/point.ts";
import { MAX_UNANSWERED } from "../../durable-objects/metrics-hub/live-viewers.ts";
import { giveWay, MAX_STREAMS, MAX_STREAMS_OF_ONE } from "../../durable-objects/metrics-hub/stream-bounds.ts";
import { DISPLACED } from "../../src/analytics/live.ts";
import { point } from "../metrics/points.ts";

let hubs = 0;
const newHub = () => env.METRICS_HUB.getByName(`hub-of-test-${++hubs}`);
type Hub = ReturnType<typeof newHub>;

function batch(seq: number, points: readonly Point[], isolate = "isolate-1") {
  const deltas = new MetricDeltas();
  for (const each of points) countPoint(deltas, each);
  return { isolate, seq, points: [...points], isStored: true, metrics: deltas.take() };
}

const points = (count: number, fields: Partial<Point> = {}): Point[] =>
  Array.from({ length: count }, () => point({ atMs: Date.now(), ...fields }));

async function requests(hub: Hub): Promise<number> {
  const store = new MetricStore();
  store.load(await hub.metrics(), Date.now());
  return store.total("requests");
}

describe("a batch", () => {
  it("counts once, however often it comes", async () => {
    const hub = newHub();
    for (let i = 0; i < 3; i++) await hub.record(batch(1, points(7)));
    await hub.record(batch(2, points(5)));
    await hub.record(batch(1, points(7)));
    await hub.record(batch(1, points(1), "isolate-2"));
    expect(await requests(hub)).toBe(13);
    const rows = await runInDurableObject(hub, (_object, state) =>
      state.storage.sql.exec("SELECT sum(rows) AS rows FROM points").one(),
    );
    expect(rows["rows"]).toBe(13);
  });

  it("counts once even if the hub was evicted in between", async () => {
    const hub = newHub();
    await hub.record(batch(1, points(7)));
    await hub.metrics();
    await evictDurableObject(hub);
    await hub.record(batch(1, points(7)));
    expect(await requests(hub)).toBe(7);
  });

  it("is rejected if it is malformed, and changes nothing", async () => {
    const hub = newHub();
    const bad = { ...batch(1, points(1)), points: [{ ...point(), cost: -1 }] };
    await runInDurableObject(hub, (object) => expect(() => object.record(bad)).toThrow());
    expect(await requests(hub)).toBe(0);
  });

  it("is forgotten after a day even if no other follows, and even if the hub had nothing to forget before", async () => {
    const hub = newHub();
    await hub.record({ ...batch(1, points(3)), isStored: false });
    await runDurableObjectAlarm(hub);
    await hub.record(batch(2, points(3)));
    expect(await runInDurableObject(hub, (_object, { storage }) => storage.getAlarm())).not.toBeNull();
  });

  it("is stored once if storage fails during a sweep in the same call", async () => {
    const hub = newHub();
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() - 2 * 86_400_000 });
    await hub.record(batch(1, points(250)));
    vi.useRealTimers();
    const given = batch(2, points(10));
    const stored = await runInDurableObject(hub, async (object, { storage: { sql } }) => {
      const exec = sql.exec.bind(sql);
      const spy = vi.spyOn(sql, "exec").mockImplementation((statement, ...bindings) => {
        if (!statement.includes("DELETE")) return exec(statement, ...bindings);
        spy.mockRestore();
        throw new Error("disk failure");
      });
      expect(() => object.record(given)).toThrow("disk failure");
      object.record(given);
      return sql.exec("SELECT sum(rows) AS rows FROM points WHERE id > 1").one()["rows"];
    });
    expect(stored).toBe(10);
    expect(await requests(hub)).toBe(260);
  });

  it("is not stored if its points are for viewers only", async () => {
    const hub = newHub();
    await hub.record({ ...batch(1, points(4)), isStored: false });
    expect(await requests(hub)).toBe(4);
    const tables = await runInDurableObject(hub, (_object, state) =>
      state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'points'").toArray(),
    );
    expect(tables).toEqual([]);
  });
});

describe("a counter", () => {
  it("that was shown never decreases, even if the hub dies", async () => {
    let hub = newHub();
    let seq = 0;
    let shown = 0;
    for (let i = 0; i < 4; i++) {
      await hub.record(batch(++seq, points(3)));
      const now = await requests(hub);
      expect(now).toBe(shown + 3);
      shown = now;
      // As a crash or a deploy does.
      await abortAllDurableObjects();
      hub = env.METRICS_HUB.get(hub.id);
      expect(await requests(hub)).toBe(shown);
    }
  });

  it("of a rare batch survives a crash, since it is written without a timer, which would keep the hub awake", async () => {
    let hub = newHub();
    await hub.record(batch(1, points(3)));
    await abortAllDurableObjects();
    hub = env.METRICS_HUB.get(hub.id);
    expect(await requests(hub)).toBe(3);
  });

  it("costs a rare batch no row of its own, and stays when batches are frequent, without points, or rare again", async () => {
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() });
    let hub = newHub();
    let seq = 0;
    await hub.record(batch(++seq, points(1)));
    /** How many rows a batch writes. The hub dies afterwards, and still knows all of them. */
    const rowsOf = async (afterMs: number, given: object = {}): Promise<number> => {
      vi.setSystemTime(Date.now() + afterMs);
      const changes = () =>
        runInDurableObject(hub, (_object, { storage }) =>
          Number(storage.sql.exec("SELECT total_changes() AS n").one()["n"]),
        );
      const before = await changes();
      await hub.record({ ...batch(++seq, points(1)), ...given });
      const rows = (await changes()) - before;
      await abortAllDurableObjects();
      hub = env.METRICS_HUB.get(hub.id);
      expect(await requests(hub)).toBe(seq);
      return rows;
    };
    const noPoints = { isStored: false };
    expect([await rowsOf(10_000), await rowsOf(10_000)]).toEqual([1, 1]);
    // The snapshot gets its row, in place of the text in the row of points.
    expect([await rowsOf(10_000, noPoints), await rowsOf(10_000, noPoints)]).toEqual([2, 1]);
    expect(await rowsOf(10_000)).toBe(1);
    vi.setSystemTime(Date.now() + 10_000);
    await hub.record(batch(++seq, points(1)));
    await hub.record(batch(++seq, points(1)));
    await hub.record(batch(++seq, points(1)));
    expect(await requests(hub)).toBe(seq);
    expect(await rowsOf(10_000)).toBe(1);
    await runDurableObjectAlarm(hub);
    vi.setSystemTime(Date.now() + 2 * 86_400_000);
    await runDurableObjectAlarm(hub);
    await abortAllDurableObjects();
    hub = env.METRICS_HUB.get(hub.id);
    expect(await requests(hub)).toBe(seq);
    await hub.record(batch(++seq, points(1)));
    await hub.record(batch(++seq, points(1)));
    await abortAllDurableObjects();
    hub = env.METRICS_HUB.get(hub.id);
    // The last came soon after the one before, and was not in a snapshot yet.
    expect(await requests(hub)).toBe(seq - 1);
    vi.useRealTimers();
  });

  it("costs no row for a scrape without news", async () => {
    const hub = newHub();
    await hub.record(batch(1, points(3)));
    await hub.metrics();
    const written = await runInDurableObject(hub, async (object, state) => {
      const before = state.storage.sql.exec("SELECT total_changes() AS n").one()["n"];
      await object.metrics();
      return Number(state.storage.sql.exec("SELECT total_changes() AS n").one()["n"]) - Number(before);
    });
    expect(written).toBe(0);
  });
});

interface Frame {
  readonly seq: number;
  readonly rows: readonly { readonly outcome: string; readonly account: string }[];
  readonly skipped: number;
}

async function view(hub: Hub, search = "") {
  const response = await hub.fetch(`https://hub/live${search}`, { headers: { Upgrade: "websocket" } });
  const socket = response.webSocket;
  if (!socket) throw new Error(`no stream: ${response.status}`);
  const frames: Frame[] = [];
  let code: number | null = null;
  socket.addEventListener("message", ({ data }) => frames.push(JSON.parse(String(data))));
  socket.addEventListener("close", (event) => (code = event.code));
  socket.accept();
  return {
    frames,
    isClosed: () => code !== null,
    /** The close code; null while the stream is open. */
    code: () => code,
    send: (message: unknown) => socket.send(JSON.stringify(message)),
    close: () => socket.close(),
  };
}

describe("a live viewer", () => {
  it("makes the isolates send their batches soon, until it leaves", async () => {
    const hub = newHub();
    expect(await hub.record(batch(1, points(1)))).toBe(false);
    const viewer = await view(hub);
    expect(await hub.record(batch(2, points(1)))).toBe(true);
    viewer.close();
    let seq = 2;
    await expect.poll(async () => hub.record(batch(++seq, points(1)))).toBe(false);
  });

  it("sees what passes its filters, and other things once it asks for them", async () => {
    const hub = newHub();
    const viewer = await view(hub, "?outcome=denied&route=demo");
    await hub.record(batch(1, [...points(2), ...points(1, { outcome: "denied" })]));
    await expect.poll(() => viewer.frames.length).toBe(1);
    expect(viewer.frames[0]).toMatchObject({
      seq: 1,
      skipped: 0,
      rows: [{ outcome: "denied", requests: 1 }],
    });
    viewer.send({ filters: { account: "user:b" } });
    await until(hub, (kept) => kept.includes("user:b"));
    await hub.record(batch(2, [...points(3), ...points(1, { account: "user:b" })]));
    await expect.poll(() => viewer.frames.length).toBe(2);
    expect(viewer.frames[1]?.rows.map(({ account }) => account)).toEqual(["user:b"]);
  });

  it("sees at most 20 a second, the newest, and is informed how many were skipped", async () => {
    const hub = newHub();
    const viewer = await view(hub);
    await hub.record(batch(1, [...points(30), ...points(20, { account: "user:last" })]));
    await expect.poll(() => viewer.frames.length).toBe(1);
    expect(viewer.frames[0]).toMatchObject({ skipped: 30 });
    expect(viewer.frames[0]?.rows.map(({ account }) => account)).toEqual(Array(20).fill("user:last"));
  });

  it("that does not acknowledge frames gets no more until it does", async () => {
    const hub = newHub();
    const viewer = await view(hub);
    const last = MAX_UNANSWERED + 10;
    for (let seq = 1; seq <= last; seq++) await hub.record(batch(seq, points(1)));
    await expect.poll(() => viewer.frames.length).toBe(MAX_UNANSWERED);
    viewer.send({ ack: MAX_UNANSWERED });
    await until(hub, (kept) => kept.includes(`"acked":${MAX_UNANSWERED}`));
    await hub.record(batch(last + 1, points(1)));
    await expect.poll(() => viewer.frames.length).toBe(MAX_UNANSWERED + 1);
    expect(viewer.frames.at(-1)).toMatchObject({ skipped: 10, rows: [{}] });
  });

  it("that pauses sees nothing, and continues after the hub has hibernated", async () => {
    const hub = newHub();
    const viewer = await view(hub, "?outcome=allowed");
    viewer.send({ pause: true });
    await until(hub, (kept) => kept.includes('"paused":true'));
    await hub.record(batch(1, points(1)));
    // Writes the pending snapshot, whose timer would keep the object awake.
    await hub.metrics();
    await evictDurableObject(hub, { webSockets: "hibernate" });
    viewer.send({ pause: false });
    await until(hub, (kept) => kept.includes('"paused":false'));
    await hub.record(batch(2, [...points(1), ...points(1, { outcome: "denied" })]));
    await expect.poll(() => viewer.frames.length).toBe(1);
    expect(viewer.frames[0]?.rows.map(({ outcome }) => outcome)).toEqual(["allowed"]);
  });

  it("sees nothing after the end of the session that opened its stream, paused or not", async () => {
    const hub = newHub();
    const soonMs = Date.now() + 60_000;
    const viewers = [await view(hub, `?expires=${soonMs}`), await view(hub, `?expires=${soonMs}`)];
    const byToken = await view(hub);
    await hub.record(batch(1, points(1)));
    await expect.poll(() => viewers.map(({ frames }) => frames.length)).toEqual([1, 1]);
    viewers[1]?.send({ pause: true });
    await until(hub, (kept) => kept.includes('"paused":true'));
    vi.useFakeTimers({ toFake: ["Date"], now: soonMs });
    await hub.record(batch(2, points(1)));
    vi.useRealTimers();
    await expect.poll(() => viewers.map(({ isClosed }) => isClosed())).toEqual([true, true]);
    expect(viewers.map(({ frames }) => frames.length)).toEqual([1, 1]);
    await expect.poll(() => byToken.frames.length).toBe(2);
  });

  it.each([["no JSON at all"], [{ filters: { path: "/" } }], [{ ack: -1 }], [{ pause: "yes" }]])(
    "that sends what is no message is shut out: %j",
    async (message) => {
      const viewer = await view(newHub());
      viewer.send(message);
      await expect.poll(viewer.isClosed).toBe(true);
    },
  );

  it("loses its oldest stream when it opens more than five, and no other viewer does, also after the hub has slept", async () => {
    const hub = newHub();
    const other = await view(hub, "?viewer=token:bob");
    const streams: Stream[] = [];
    for (let i = 0; i < MAX_STREAMS_OF_ONE; i++) streams.push(await view(hub, "?viewer=token:ann"));
    await evictDurableObject(hub, { webSockets: "hibernate" });
    for (let i = 0; i < 7; i++) {
      streams.push(await view(hub, "?viewer=token:ann"));
      await expect.poll(() => streams[i]?.code()).toBe(DISPLACED);
    }
    expect(streams.map((each) => each.isClosed()).filter((isClosed) => !isClosed)).toHaveLength(5);
    await hub.record(batch(1, points(1)));
    await expect.poll(() => streams.slice(-5).map(({ frames }) => frames.length)).toEqual([1, 1, 1, 1, 1]);
    await expect.poll(() => other.frames.length).toBe(1);
    expect([other.code(), streams[0]?.frames.length]).toEqual([null, 0]);
  });

  it("is the same by a token and by its sessions, and another one by Cloudflare Access", async () => {
    const hub = newHub();
    const byAccess = await view(hub, "?viewer=access:ann");
    const first = await view(hub, "?viewer=token:ann");
    const expires = String(Date.now() + 60_000);
    for (let i = 0; i < MAX_STREAMS_OF_ONE; i++) {
      await view(hub, `?viewer=token:ann&session=s${i}&expires=${expires}`);
    }
    await expect.poll(first.code).toBe(DISPLACED);
    expect(byAccess.code()).toBeNull();
  });

  it("loses no stream to one that opens them without pause", async () => {
    const hub = newHub();
    const other = await view(hub, "?viewer=token:bob");
    const storm = await Promise.all(
      Array.from({ length: 3 * MAX_STREAMS }, () => view(hub, "?viewer=token:eve")),
    );
    await expect.poll(() => storm.filter(({ isClosed }) => !isClosed()).length).toBe(MAX_STREAMS_OF_ONE);
    await hub.record(batch(1, points(1)));
    await expect.poll(() => other.frames.length).toBe(1);
  });

  it("finds room when 50 streams are open, while any other viewer has more than one", async () => {
    const hub = newHub();
    const streams: Stream[] = [];
    for (let i = 0; i < MAX_STREAMS; i++) streams.push(await view(hub, `?viewer=token:t${i % 25}`));
    const late = await view(hub, "?viewer=token:late");
    await expect.poll(() => streams[0]?.code()).toBe(DISPLACED);
    expect([late.code(), streams.filter(({ isClosed }) => isClosed()).length]).toEqual([null, 1]);
  });

  it("is rejected if 50 others have one stream each, and accepted once one has gone", async () => {
    const hub = newHub();
    const streams: Stream[] = [];
    for (let i = 0; i < MAX_STREAMS; i++) streams.push(await view(hub, `?viewer=token:t${i}`));
    await expect(view(hub, "?viewer=token:late")).rejects.toThrow("503");
    const again = await view(hub, "?viewer=token:t7");
    await expect.poll(() => streams[7]?.code()).toBe(DISPLACED);
    again.close();
    await expect
      .poll(async () =>
        view(hub, "?viewer=token:late").then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
  });

  it("sees nothing more once its session is logged out, and other sessions of the token do", async () => {
    const hub = newHub();
    const ended = [
      await view(hub, "?viewer=token:ann&session=s1"),
      await view(hub, "?viewer=token:ann&session=s1"),
    ];
    const others = [await view(hub, "?viewer=token:ann&session=s2"), await view(hub, "?viewer=token:ann")];
    await evictDurableObject(hub, { webSockets: "hibernate" });
    await hub.endStreams("s1");
    await expect.poll(() => ended.map(({ code }) => code())).toEqual([1008, 1008]);
    await hub.record(batch(1, points(1)));
    await expect.poll(() => others.map(({ frames }) => frames.length)).toEqual([1, 1]);
    expect(ended.map(({ frames }) => frames.length)).toEqual([0, 0]);
  });
});

describe("the streams that give way", () => {
  const times = (name: string, count: number): string[] => Array.from({ length: count }, () => name);
  const others = (count: number): string[] => Array.from({ length: count }, (_, i) => `t${i}`);

  it.each<[what: string, open: string[], answer: number | "nobody" | "full"]>([
    ["none while there is room", [...times("b", 5), ...times("a", 4)], "nobody"],
    ["the newcomer's oldest at its own bound", [...times("b", 5), ...times("a", 5)], 5],
    ["the oldest of the viewer with most, if all are taken", [...others(44), ...times("b", 4), "a", "a"], 44],
    ["the newcomer's own, if no other would have more", [...others(48), "a", "a"], 48],
    ["the newcomer's own rather than another's of as many", [...others(46), "b", "b", "a", "a"], 48],
    ["another's two for one that has none", [...others(48), "b", "b"], 48],
    ["none if all have one", others(50), "full"],
  ])("are %s", (_what, open, answer) => {
    expect(giveWay("a", open)).toBe(answer);
  });
});

type Stream = Awaited<ReturnType<typeof view>>;

/** Waits until the state that the hub stores about its viewers passes the check. */
async function until(hub: Hub, isSo: (kept: string) => boolean): Promise<void> {
  await expect
    .poll(() =>
      runInDurableObject(hub, (_object, state) =>
        isSo(JSON.stringify(state.getWebSockets().map((socket) => socket.deserializeAttachment()))),
      ),
    )
    .toBe(true);
}

/** Pools of upstreams without their I/O: how a target is chosen, when one is ejected and comes back, how many retries there may be. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { InFlight } from "../../src/gateway/in-flight.ts";
import { bySubject, leastRequests, RoundRobin, type Weighted } from "../../src/gateway/pools/balance.ts";
import { discoveredTargets, type DiscoveryDocument } from "../../src/gateway/pools/discovered-targets.ts";
import { DISCOVERY_MS, DiscoverySchedule } from "../../src/gateway/pools/discovery.ts";
import { PoolState, type Target } from "../../src/gateway/pools/pool-state.ts";
import { MIN_RETRIES, RetryBudget, SLOTS } from "../../src/gateway/pools/retry-budget.ts";
import { TargetHealth } from "../../src/gateway/pools/target-health.ts";
import type { PoolDocument } from "../../src/policy/pool-schema.ts";

const NOW = 1_800_000_000_000;
const SUBJECTS = Array.from({ length: 4_000 }, (_, i) => `user:${i}`);

/** Evenly spread numbers, the same in every run. */
function random(): () => number {
  let state = 1;
  return () => {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b_3c6d) + 0x9e37_79b9;
    return ((state ^ (state >>> 14)) >>> 0) / 2 ** 32;
  };
}

const targets = (...weights: number[]): Weighted[] =>
  weights.map((weight, i) => ({ url: `https://t${i}.example`, weight }));

const someTargets = fc
  .array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 16 })
  .map((weights) => targets(...weights));

function counted<T>(chosen: Iterable<T>): Map<T, number> {
  const counts = new Map<T, number>();
  for (const one of chosen) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
}

function poolOf(document: PoolDocument, name = "api"): PoolState {
  return new PoolState({ name, document }, random());
}

const three: PoolDocument = {
  targets: [{ url: "https://a.example" }, { url: "https://b.example" }, { url: "https://c.example" }],
};

/** Ejects targets of a pool by their failures. */
function eject(state: PoolState, ...indices: number[]): void {
  for (const i of indices) {
    const { health } = targetAt(state, i);
    for (let n = 0; n < state.settings.ejectAfter; n++) health.failed(health.epoch, NOW);
    expect(health.isEjected).toBe(true);
  }
}

function targetAt({ targets: all }: PoolState, index: number): Target {
  const target = all[index];
  if (!target) throw new Error(`no target ${index}`);
  return target;
}

/** The indices that many picks return. */
function picked(state: PoolState, tried: readonly string[] = [], times = 60): number[] {
  const chosen = Array.from({ length: times }, () => state.pick(new Set(tried), "user:1", NOW)?.index ?? -1);
  return [...new Set(chosen)].toSorted((a, b) => a - b);
}

describe("round robin", () => {
  it("gives each target exactly its weight of as many requests as the weights come to, wherever it begins", () => {
    fc.assert(
      fc.property(someTargets, fc.double({ min: 0, max: 0.999, noNaN: true }), (all, start) => {
        const robin = new RoundRobin();
        robin.restart(all, () => start);
        const total = all.reduce((sum, { weight }) => sum + weight, 0);
        const counts = counted(Array.from({ length: 2 * total }, () => robin.next(all)?.url));
        for (const { url, weight } of all) expect(counts.get(url)).toBe(2 * weight);
      }),
    );
  });

  it("is smooth: a target of weight 5 beside two of 1 is not chosen five times in a row", () => {
    const all = targets(5, 1, 1);
    const robin = new RoundRobin();
    const chosen = Array.from({ length: 7 }, () => robin.next(all)).map((target) =>
      all.findIndex((one) => one === target),
    );
    // nginx's own example.
    expect(chosen).toEqual([0, 0, 1, 0, 2, 0, 0]);
  });

  it("begins at another target in other isolates", () => {
    const all = targets(1, 1, 1, 1);
    const firsts = Array.from({ length: 4 }, (_, i) => {
      const robin = new RoundRobin();
      robin.restart(all, () => i / 4);
      return robin.next(all)?.url;
    });
    expect(new Set(firsts).size).toBe(4);
  });
});

describe("least requests", () => {
  it("takes the one of two that has fewer in flight for its weight", () => {
    const all = targets(1, 3);
    const draw = random();
    const busy = (light: number, heavy: number) =>
      leastRequests(all, (target) => (target === all[0] ? light : heavy), draw)?.weight;
    for (let i = 0; i < 50; i++) {
      expect(busy(2, 5)).toBe(3);
      expect(busy(1, 5)).toBe(1);
    }
  });

  it("spreads requests by weight if nothing is in flight, and never takes the busiest of three", () => {
    const all = targets(1, 2, 5);
    const draw = random();
    const idle = counted(Array.from({ length: 8_000 }, () => leastRequests(all, () => 0, draw)?.weight));
    for (const { weight } of all) {
      expect(idle.get(weight)).toBeGreaterThan(850 * weight);
      expect(idle.get(weight)).toBeLessThan(1_150 * weight);
    }
    const equal = targets(1, 1, 1);
    const chosen = Array.from({ length: 500 }, () =>
      leastRequests(equal, (target) => (target === equal[0] ? 9 : 0), draw),
    );
    expect(chosen).not.toContain(equal[0]);
  });

  it("forgets requests whose end is never reported within two minutes, and never counts below 0", () => {
    const inFlight = new InFlight();
    for (let i = 0; i < 5; i++) inFlight.begin(NOW);
    const ended = inFlight.begin(NOW);
    inFlight.end(ended, NOW + 50_000);
    expect(inFlight.count(NOW + 50_000)).toBe(5);
    expect(inFlight.count(NOW + 120_000)).toBe(0);
    const begun = inFlight.begin(NOW + 180_000);
    expect(inFlight.count(NOW)).toBe(0);
    inFlight.end(begun, NOW + 180_000);
    expect(inFlight.count(NOW + 180_000)).toBe(0);
  });
});

describe("by user", () => {
  it("spreads users by weight, and gives a user the same target every time", () => {
    const all = targets(1, 2, 5);
    const counts = counted(SUBJECTS.map((subject) => bySubject(all, subject)?.weight));
    for (const { weight } of all) {
      expect((counts.get(weight) ?? 0) / SUBJECTS.length).toBeCloseTo(weight / 8, 1);
    }
    for (const subject of SUBJECTS.slice(0, 50)) {
      expect(bySubject(all.toReversed(), subject)).toBe(bySubject(all, subject));
    }
  });

  it("moves only the users of a target that leaves, and only to one that comes", () => {
    fc.assert(
      fc.property(someTargets, fc.nat(), (all, which) => {
        const gone = all[which % all.length];
        const others = all.filter((target) => target !== gone);
        for (const subject of SUBJECTS.slice(0, 100)) {
          const before = bySubject(all, subject);
          const after = bySubject(others, subject);
          if (before !== gone) expect(after).toBe(before);
        }
      }),
      { numRuns: 30 },
    );
  });

  it("moves only the users of an ejected target, and moves them back", () => {
    const state = poolOf({ ...three, balance: "user" });
    const all = () => SUBJECTS.slice(0, 300).map((subject) => state.pick(new Set(), subject, NOW)?.index);
    const before = all();
    eject(state, 1);
    const during = all();
    expect(during).not.toContain(1);
    before.forEach((index, i) => {
      if (index !== 1) expect(during[i]).toBe(index);
    });
    const { health } = targetAt(state, 1);
    health.succeeded(health.epoch);
    expect(all()).toEqual(before);
  });
});

describe("a target's health", () => {
  it("is ejected by failures in a row only, and comes back with one success", () => {
    const health = new TargetHealth(3, 1_000);
    const fail = () => health.failed(health.epoch, NOW);
    expect([fail(), fail(), health.succeeded(health.epoch), fail(), fail(), health.isEjected]).toEqual([
      false,
      false,
      false,
      false,
      false,
      false,
    ]);
    expect([fail(), health.isEjected]).toEqual([true, true]);
    expect([health.succeeded(health.epoch), health.isEjected]).toEqual([true, false]);
  });

  it("is probed once for each period, however many requests ask", () => {
    const health = new TargetHealth(1, 1_000);
    expect(health.isProbeDue(NOW)).toBe(false);
    health.failed(health.epoch, NOW);
    const due = Array.from({ length: 40 }, (_, i) => health.isProbeDue(NOW + i * 100));
    expect(due.flatMap((isDue, i) => (isDue ? [i] : []))).toEqual([10, 20, 30]);
  });

  it("Kong#7566: failing requests while it is ejected do not put off its probe for ever", () => {
    const health = new TargetHealth(1, 1_000);
    health.failed(health.epoch, NOW);
    for (let ms = 0; ms < 1_000; ms += 10) health.failed(health.epoch, NOW + ms);
    expect(health.isProbeDue(NOW + 1_000)).toBe(true);
  });

  it("Kong#5531: comes back and is ejected again as often as it fails", () => {
    const health = new TargetHealth(2, 1_000);
    for (let round = 0; round < 5; round++) {
      const atMs = NOW + round * 10_000;
      health.failed(health.epoch, atMs);
      health.failed(health.epoch, atMs);
      expect(health.isEjected).toBe(true);
      expect([health.isProbeDue(atMs + 999), health.isProbeDue(atMs + 1_000)]).toEqual([false, true]);
      health.succeeded(health.epoch);
      expect(health.isEjected).toBe(false);
    }
  });

  it("ignores what began before it was ejected, or while it was", () => {
    const health = new TargetHealth(1, 1_000);
    const early = health.epoch;
    health.failed(early, NOW);
    expect([health.succeeded(early), health.isEjected]).toEqual([false, true]);
    const meanwhile = health.epoch;
    health.succeeded(meanwhile);
    expect([health.failed(meanwhile, NOW), health.isEjected]).toEqual([false, false]);
  });

  it("survives a clock that steps back", () => {
    const health = new TargetHealth(1, 1_000);
    health.failed(health.epoch, NOW);
    expect(health.isProbeDue(NOW - 3_600_000)).toBe(true);
  });
});

describe("a pool", () => {
  it("leaves out ejected targets, up to half of the weight", () => {
    const state = poolOf({
      targets: [...(three.targets ?? []), { url: "https://d.example" }],
    });
    expect(picked(state)).toEqual([0, 1, 2, 3]);
    eject(state, 0);
    expect(picked(state)).toEqual([1, 2, 3]);
    eject(state, 1);
    expect(picked(state)).toEqual([2, 3]);
  });

  it("istio#20135: uses all of its targets if more than half of the weight is ejected, and all of them too", () => {
    const state = poolOf(three);
    eject(state, 0, 1);
    expect(picked(state)).toEqual([0, 1, 2]);
    eject(state, 2);
    expect(picked(state)).toEqual([0, 1, 2]);
    const heavy = poolOf({
      targets: [{ url: "https://a.example", weight: 3 }, { url: "https://b.example" }],
    });
    eject(heavy, 0);
    expect(picked(heavy)).toEqual([0, 1]);
    const alone = poolOf({ targets: [{ url: "https://a.example" }] });
    eject(alone, 0);
    expect(picked(alone)).toEqual([0]);
  });

  it("tries another target first: a healthy one if there is one, and the same one only if there is no other", () => {
    const state = poolOf(three);
    expect(picked(state, ["https://a.example"])).toEqual([1, 2]);
    expect(picked(state, ["https://a.example", "https://b.example"])).toEqual([2]);
    eject(state, 1);
    expect(picked(state, ["https://a.example"])).toEqual([2]);
    eject(state, 0);
    // All are used, but the healthy one is the best to try next.
    expect(picked(state, ["https://a.example"])).toEqual([2]);
    expect(picked(state, ["https://a.example", "https://c.example"])).toEqual([1]);
    expect(picked(poolOf({ targets: [{ url: "https://a.example" }] }), ["https://a.example"])).toEqual([0]);
  });

  it("Kong#7652: an edit keeps the health of every target whose URL stays, wherever it is listed", () => {
    const state = poolOf(three);
    eject(state, 0);
    const { inFlight, health } = targetAt(state, 0);
    inFlight.begin(NOW);
    state.update({
      name: "api",
      document: {
        targets: [
          { url: "https://new.example" },
          { url: "https://a.example", weight: 2 },
          { url: "https://b.example" },
        ],
        balance: "least-requests",
      },
    });
    const moved = targetAt(state, 1);
    expect([moved.url, moved.weight, moved.health, moved.inFlight.count(NOW)]).toEqual([
      "https://a.example",
      2,
      health,
      1,
    ]);
    expect([targetAt(state, 0).health.isEjected, moved.health.isEjected]).toEqual([false, true]);
  });

  it("an edit of the numbers applies to what has been counted", () => {
    const state = poolOf({ ...three, eject: { failures: 5 } });
    const { health } = targetAt(state, 0);
    for (let i = 0; i < 3; i++) health.failed(health.epoch, NOW);
    state.update({ name: "api", document: { ...three, eject: { failures: 2 } } });
    expect(targetAt(state, 0).health.isEjected).toBe(true);
    state.update({ name: "api", document: { ...three, eject: { failures: 9 } } });
    expect(targetAt(state, 0).health.isEjected).toBe(false);
  });

  it("remembers a bounded number of targets", () => {
    const state = poolOf(three);
    const first = targetAt(state, 0).health;
    for (let i = 0; i < 100; i++) {
      state.update({ name: "api", document: { targets: [{ url: `https://t${i}.example` }] } });
    }
    state.update({ name: "api", document: { ...three } });
    expect(targetAt(state, 0).health).not.toBe(first);
  });

  const discover = { url: "https://consul.example", format: "consul" } as const;

  it("whose list is discovered keeps the last one over an edit, and has none of a list before it was discovered", () => {
    const state = poolOf({ discover });
    expect(state.pick(new Set(), "user:1", NOW)).toBeNull();
    state.discovered(discover, [{ url: "https://x.example", weight: 1 }]);
    state.update({ name: "api", document: { discover: { ...discover, everySeconds: 60, scheme: "https" } } });
    expect(state.targets.map(({ url }) => url)).toEqual(["https://x.example"]);
    state.update({ name: "api", document: three });
    state.discovered(discover, [{ url: "https://late.example", weight: 1 }]);
    expect(state.targets).toHaveLength(3);
    state.update({ name: "api", document: { discover } });
    expect(state.targets).toEqual([]);
  });

  it.each([
    ["another URL", { url: "https://other.example" }],
    ["another format", { format: "http_sd" }],
    ["another scheme", { scheme: "http" }],
  ] as const)("that is discovered at %s has no targets until that list is there", (_what, edit) => {
    const state = poolOf({ discover });
    state.discovered(discover, [{ url: "https://old.example", weight: 1 }]);
    const edited = { ...discover, ...edit };
    state.update({ name: "api", document: { discover: edited } });
    expect(state.targets).toEqual([]);
    // The answer of the list before comes late.
    state.discovered(discover, [{ url: "https://old.example", weight: 1 }]);
    expect(state.targets).toEqual([]);
    state.discovered(edited, [{ url: "https://new.example", weight: 1 }]);
    expect(state.targets.map(({ url }) => url)).toEqual(["https://new.example"]);
  });
});

describe("the budget of retries", () => {
  it("is at most the share of the requests of ten seconds, or three a second, whatever the order", () => {
    const step = fc.record({
      afterMs: fc.integer({ min: 0, max: 700 }),
      requests: fc.nat(60),
      retries: fc.nat(60),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 0.2, 0.5, 1), (steps, share) => {
        const budget = new RetryBudget();
        const made: { atMs: number; retries: number; requests: number }[] = [];
        let atMs = NOW;
        for (const { afterMs, requests, retries } of steps) {
          atMs += afterMs;
          for (let i = 0; i < requests; i++) budget.count(atMs);
          let taken = 0;
          for (let i = 0; i < retries; i++) if (budget.take(share, atMs)) taken += 1;
          made.push({ atMs, retries: taken, requests });
          const second = Math.floor(atMs / 1_000);
          const recent = made.filter((one) => Math.floor(one.atMs / 1_000) > second - SLOTS);
          const sum = (of: "retries" | "requests") => recent.reduce((all, one) => all + one[of], 0);
          expect(sum("retries")).toBeLessThanOrEqual(Math.max(MIN_RETRIES, share * sum("requests")));
          // And no less: what is refused would have been too much.
          if (taken < retries)
            expect(sum("retries") + 1).toBeGreaterThan(Math.max(MIN_RETRIES, share * sum("requests")));
        }
      }),
    );
  });
});

describe("a discovered list", () => {
  const consul: DiscoveryDocument = { url: "https://consul.example", format: "consul" };
  const http: DiscoveryDocument = { url: "https://sd.example", format: "http_sd", scheme: "http" };

  it("of Consul has the service's address or else the node's, weights, and no target that is critical", () => {
    const entry = (Address: string, Port: number, more: object = {}) => ({
      Node: { Node: "n1", Address: "10.0.0.9" },
      Service: { ID: "api", Address, Port, Weights: { Passing: 10, Warning: 1 }, ...more },
      Checks: [{ Status: "passing" }],
    });
    const list = [
      entry("b.example", 8443),
      entry("", 80),
      { ...entry("a.example", 443), Checks: [{ Status: "passing" }, { Status: "warning" }] },
      { ...entry("down.example", 443), Checks: [{ Status: "critical" }] },
      entry("2001:db8::1", 443, { Weights: undefined }),
      entry("heavy.example", 443, { Weights: { Passing: 65_535 } }),
    ];
    expect(discoveredTargets(list, consul)).toEqual([
      { url: "https://10.0.0.9:80", weight: 10 },
      { url: "https://[2001:db8::1]:443", weight: 1 },
      { url: "https://a.example:443", weight: 1 },
      { url: "https://b.example:8443", weight: 10 },
      { url: "https://heavy.example:443", weight: 100 },
    ]);
  });

  it("of Prometheus' HTTP service discovery has every target of every group once, with the scheme of its label", () => {
    const list = [
      { targets: ["10.0.0.2:8080", "10.0.0.1:8080"], labels: { team: "a" } },
      { targets: ["api.example:443", "10.0.0.1:8080"], labels: { __scheme__: "https" } },
    ];
    expect(discoveredTargets(list, http)?.map(({ url }) => url)).toEqual([
      "http://10.0.0.1:8080",
      "http://10.0.0.2:8080",
      "https://10.0.0.1:8080",
      "https://api.example:443",
    ]);
  });

  it.each([
    ["an empty list", []],
    ["an object", { targets: ["a:1"] }],
    ["not JSON", undefined],
    ["null", null],
    ["entries of another format", [{ Node: {}, Service: { Address: "a", Port: 1 } }]],
    ["a path", [{ targets: ["a.example/admin"] }]],
    ["a query", [{ targets: ["a.example?x"] }]],
    ["credentials", [{ targets: ["user:secret@a.example"] }]],
    ["another scheme", [{ targets: ["file:///etc/passwd"] }]],
    ["a backslash", [{ targets: ["a.example\\@b.example"] }]],
    ["spaces and line feeds", [{ targets: ["a.example\n", " "] }]],
    ["port 0", [{ targets: ["a.example:0"] }]],
  ])("with no usable target changes nothing: %s", (_what, answer) => {
    expect(discoveredTargets(answer, http)).toBeNull();
  });

  it("keeps what is usable beside what is not, and sixteen targets at most, the same ones in any order", () => {
    const names = Array.from({ length: 40 }, (_, i) => `10.0.1.${i}:80`);
    const found = discoveredTargets([{ targets: ["no/path", ...names] }, 7, null], http);
    expect(found).toHaveLength(16);
    expect(discoveredTargets([{ targets: names.toReversed() }], http)).toEqual(found);
  });

  it("is fetched when it is due, by one request at a time, and again soon while there is none", () => {
    const schedule = new DiscoverySchedule();
    const document = { ...consul, everySeconds: 15 };
    const begin = (hasList: boolean, ms: number) => schedule.begin(document, hasList, NOW + ms);
    expect([begin(false, 0), begin(false, 10), begin(false, 1_500)]).toEqual([true, false, false]);
    expect(schedule.ended(false, NOW + 2_000)).toBe(2_000);
    expect(begin(false, 2_010)).toBe(true);
    expect(schedule.ended(true, NOW + 2_020)).toBe(0);
    expect([begin(true, 16_900), begin(true, 17_010)]).toEqual([false, true]);
    // The request that fetched it was ended by the runtime.
    expect([begin(true, 17_010 + DISCOVERY_MS), begin(true, 17_010 + 15_000)]).toEqual([false, true]);
    expect(schedule.ended(false, NOW + 33_000)).toBe(33_000 - 2_020);
  });
});

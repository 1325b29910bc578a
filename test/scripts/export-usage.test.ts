/** What the export of usage is made of, without servers: waits, lines, events, pages. test/export has it whole, on real ones. */
import { createServer } from "node:http";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Destination } from "../../scripts/export-usage/destination.ts";
import { Failure } from "../../scripts/export-usage/failure.ts";
import { InfluxDestination, lineOf } from "../../scripts/export-usage/influx.ts";
import { eventOf } from "../../scripts/export-usage/openmeter.ts";
import { MAX_ATTEMPTS, MAX_WAIT_MS, retrying } from "../../scripts/export-usage/retry.ts";
import { decimalOf, rowsOf, type UsageRow } from "../../scripts/export-usage/rows.ts";
import { exportUsage } from "../../scripts/export-usage/run.ts";
import { type ExportedCell, type Page, pageOf, type Start } from "../../scripts/export-usage/source.ts";
import { StateFile } from "../../scripts/export-usage/state-file.ts";

const { signal } = new AbortController();
const HOUR = "2026-11-21T01:00:00Z";
const CELL: ExportedCell = {
  account: "acme",
  hour: HOUR,
  route: "/identify",
  key: "k",
  mode: "live",
  requests: 2,
  cost: 2.5,
  denied: 1,
  units: { tokens: 0.001 },
};
const END = { cursor: "c1", done: true, from: HOUR, to: "2026-11-21T02:00:00Z" };

describe("retries", () => {
  const attempt = async (faults: readonly Failure[]) => {
    const waits: number[] = [];
    const left = [...faults];
    const work = async (): Promise<string> => {
      const fault = left.shift();
      if (fault) throw fault;
      return "done";
    };
    const pause = async (ms: number): Promise<void> => void waits.push(ms);
    const result = await retrying(work, { signal, note: () => {}, pause, random: () => 0 }).catch(String);
    return { result, waits };
  };
  const passing = (retryAfterMs: number | null = null) =>
    new Failure("busy", { isPassing: true, retryAfterMs });

  it("wait twice as long each time, as long as the server asks, and a minute at most", async () => {
    expect(await attempt([passing(), passing(), passing()])).toEqual({
      result: "done",
      waits: [500, 1_000, 2_000],
    });
    expect(await attempt([passing(7_000)])).toEqual({ result: "done", waits: [7_000] });
    expect(await attempt([passing(86_400_000)])).toEqual({ result: "done", waits: [MAX_WAIT_MS] });
  });

  it("end after some attempts, and at once if the fault lasts", async () => {
    const { result, waits } = await attempt(Array.from({ length: 20 }, () => passing()));
    expect(result).toContain("busy");
    expect(waits).toHaveLength(MAX_ATTEMPTS - 1);
    expect(await attempt([new Failure("wrong password")])).toEqual({
      result: "Failure: wrong password",
      waits: [],
    });
  });
});

describe("a page", () => {
  const text = (...lines: object[]) => lines.map((line) => `${JSON.stringify(line)}\n`).join("");

  it("is whole only with its end: cut off anywhere, it is requested again", () => {
    const whole = text(CELL, CELL, END);
    expect(pageOf(whole, "the product")).toEqual({ cells: [CELL, CELL], end: END });
    for (let length = 0; length < whole.length; length++) {
      expect(() => pageOf(whole.slice(0, length), "x")).toThrow(
        expect.objectContaining({ isPassing: true, message: "x sent a page without its end" }),
      );
    }
  });

  it("of another shape is rejected, with the field", () => {
    expect(() => pageOf(text({ ...CELL, cost: -1 }, END), "x")).toThrow(/no cell \(cost: /);
    expect(() => pageOf(text({ ...CELL, hour: "yesterday" }, END), "x")).toThrow(/no cell \(hour: /);
  });
});

describe("rows", () => {
  it("are one per unit, and have requests and denials once", () => {
    const rest = { account: "acme", hour: HOUR, route: "/identify", key: "k", mode: "live" };
    expect(rowsOf([CELL])).toEqual([
      { ...rest, unit: "requests", requests: 2, denied: 1, costMilli: 2_500 },
      { ...rest, unit: "tokens", requests: 0, denied: 0, costMilli: 1 },
    ]);
  });

  it("have exact decimals", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (milli) => {
        const [whole = "", rest = ""] = decimalOf(milli).split(".");
        expect(rest).toHaveLength(3);
        expect(BigInt(whole) * 1_000n + BigInt(rest)).toBe(BigInt(milli));
      }),
    );
  });
});

const row = (changed: Partial<UsageRow> = {}): UsageRow => ({
  account: "acme",
  hour: HOUR,
  route: "",
  key: "",
  unit: "requests",
  mode: "live",
  requests: 1,
  denied: 0,
  costMilli: 1_500,
  ...changed,
});

describe("lines for InfluxDB", () => {
  it("have integers, and no empty tag", () => {
    expect(lineOf(row())).toBe(
      "edge_limiter_usage,account=acme,mode=live,unit=requests cost_milli=1500i,denied=0i,requests=1i 1795222800",
    );
    expect(lineOf(row({ account: "a=b,c d\\", route: "50%\n" }))).toContain(
      String.raw`account=a\=b\,c\ d%5C,mode=live,route=50%25%0A,unit=`,
    );
  });

  it("never make one value of two, nor end a line", () => {
    const value = fc.string({
      unit: fc.constantFrom("a", "\\", "%", "5", "C", ",", "=", " ", "\n"),
      minLength: 1,
    });
    fc.assert(
      fc.property(value, value, (one, other) => {
        const [first, second] = [one, other].map((route) => lineOf(row({ route })));
        expect(first === second).toBe(one === other);
        expect(first).not.toContain("\n");
        expect(first).not.toContain("\\,mode");
      }),
    );
  });

  it("go to a bucket of version 2 with its token", async () => {
    const asked: unknown[] = [];
    const server = createServer((request, response) => {
      let body = "";
      request.setEncoding("utf8").on("data", (text: string) => (body += text));
      request.on("end", () => {
        asked.push([request.method, request.url, request.headers.authorization, body.split(" ").length]);
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const directory = await mkdtemp(join(tmpdir(), "edge-limiter-influx-"));
    try {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const url = new URL(`http://127.0.0.1:${port}/proxied/?org=acme&bucket=usage`);
      const state = new StateFile(join(directory, "state.json"), "influx");
      const influx = new InfluxDestination(url, { INFLUX_TOKEN: "secret" }, state);
      await influx.open({ name: "all", product: "https://p", isRestart: false }, false);
      await influx.write({ cells: [CELL], end: END });
      await influx.close();
      expect(asked).toEqual([
        ["POST", "/proxied/api/v2/write?org=acme&bucket=usage&precision=s", "Token secret", 5],
      ]);
    } finally {
      server.close();
      await rm(directory, { recursive: true });
    }
  });
});

describe("events", () => {
  it("have the same id for the same values, and another for others", () => {
    const idOf = (changed: Partial<UsageRow>, source = "https://p") => eventOf(row(changed), source).id;
    expect(idOf({})).toBe(idOf({}));
    const others = [
      { account: "b" },
      { route: "/x" },
      { key: "k" },
      { unit: "tokens" },
      { costMilli: 1 },
      { requests: 2 },
    ];
    expect(new Set([{}, ...others].map((changed) => idOf(changed))).size).toBe(others.length + 1);
  });
});

describe("an export", () => {
  const pages: readonly Page[] = [0, 1, 2].map((n) => ({
    cells: [{ ...CELL, account: `a${n}` }],
    end: { ...END, cursor: `c${n + 1}`, done: n === 2 },
  }));
  const job = { name: "all", product: "https://p", isRestart: false };

  it("resumes at the stored cursor, whatever fails, and stores each page in its order", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom("page", "write", "written", "open"), { maxLength: 7 }),
        async (faults) => {
          const stored: string[] = [];
          const left = [...faults];
          let cursor: string | null = null;
          const fail = (at: string): void => {
            if (left[0] !== at) return;
            left.shift();
            throw new Failure(at, { isPassing: true });
          };
          const destination: Destination = {
            name: "memory",
            progressAt: "memory",
            open: async () => {
              fail("open");
              return cursor;
            },
            write: async ({ cells, end }) => {
              fail("write");
              for (const { account } of cells) if (!stored.includes(account)) stored.push(account);
              cursor = end.cursor;
              // The answer is lost.
              fail("written");
            },
            close: async () => {},
          };
          const page = async (start: Start): Promise<Page> => {
            fail("page");
            const n = "cursor" in start ? Number(start.cursor.slice(1)) : 0;
            return pages[n] ?? { cells: [], end: { ...END, cursor: "c3" } };
          };
          const plan = {
            page,
            destination,
            job,
            start: {},
            isDryRun: false,
            note: () => {},
            signal,
            pause: async () => {},
          };
          const summary = await exportUsage(plan);
          expect(stored).toEqual(["a0", "a1", "a2"]);
          expect(summary).toMatchObject({
            cells: 3,
            accounts: 3,
            requests: 6,
            costMilli: 7_500,
            until: END.to,
          });
          expect((await exportUsage(plan)).cells).toBe(0);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("does not go round in circles with a product that repeats a page", async () => {
    const same: Page = { cells: [], end: { ...END, cursor: "c1", done: false } };
    const destination: Destination = {
      name: "memory",
      progressAt: "memory",
      open: async () => null,
      write: async () => {},
      close: async () => {},
    };
    const plan = {
      page: async () => same,
      destination,
      job,
      start: {},
      isDryRun: false,
      note: () => {},
      signal,
    };
    await expect(exportUsage(plan)).rejects.toThrow("same page again and again");
  });
});

/** The client of Analytics Engine's SQL API: what it sends, and that it believes nothing that it is answered. */
import { describe, expect, it, vi } from "vitest";
import { EngineBackend, EngineFailure, sqlApi } from "../../src/analytics/reports/engine-backend.ts";
import { REPORT_NAMES, type ReportName, type ReportQuery } from "../../src/analytics/reports/report-query.ts";
import { numberLiteral, textLiteral } from "../../src/analytics/reports/sql-literal.ts";
import { cut, INDEX_BYTES } from "../../src/analytics/cut.ts";
import { HOSTILE } from "./random-rows.ts";

const SETTINGS = { url: new URL("https://api.test/sql"), token: "s3cret", dataset: "edge_limiter" };
const FROM_MS = Date.UTC(2026, 10, 21);

function query(name: ReportName, filters: ReportQuery["filters"] = {}): ReportQuery {
  return {
    name,
    fromMs: FROM_MS,
    toMs: FROM_MS + 60_000,
    intervalMs: 1_000,
    filters,
    by: "outcome",
    order: "requests",
    limit: 20,
    after: null,
  };
}

/** A server that answers so; what it was sent. */
function server(answer: () => Response | Promise<Response>) {
  const sent: Request[] = [];
  const bodies: string[] = [];
  const fetcher: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    sent.push(request);
    bodies.push(await request.clone().text());
    return answer();
  };
  return { sent, bodies, backend: new EngineBackend(SETTINGS.dataset, sqlApi(SETTINGS, fetcher)) };
}

const table = (...data: object[]) => Response.json({ meta: [], data, rows: data.length });

describe("a query", () => {
  it("goes by POST with the token in the header and nowhere else, and to no other host by a redirect", async () => {
    const { sent, bodies, backend } = server(() => table());
    await backend.run(query("tiers"));
    expect(sent).toHaveLength(2);
    for (const request of sent) {
      expect([request.method, request.url]).toEqual(["POST", "https://api.test/sql"]);
      expect(request.headers.get("Authorization")).toBe("Bearer s3cret");
      expect(request.redirect).toBe("manual");
    }
    expect(bodies.join("")).not.toContain("s3cret");
  });

  it.each(REPORT_NAMES)("of %s has bounds of time and rows, is weighted, and joins nothing", async (name) => {
    const { bodies, backend } = server(() => table());
    await backend.run(query(name, { account: "user:acme" }));
    expect(bodies.length).toBeGreaterThan(0);
    for (const sql of bodies) {
      expect(sql).toMatch(
        /WHERE timestamp >= toDateTime\(\d+\) AND timestamp < toDateTime\(\d+\) AND index1 = 'user:acme'/,
      );
      expect(sql).toMatch(/\nLIMIT \d+\n/);
      expect(sql).not.toMatch(/\b(JOIN|UNION|count)\b|sum\((?!_sample_interval)/i);
      expect(sql.match(/\b(?:sum|sumIf)\(/g)?.length).toBe(
        sql.match(/\b(?:sum|sumIf)\(_sample_interval \*/g)?.length,
      );
    }
  });
});

describe("an answer", () => {
  const rejected: [string, () => Response | Promise<Response>][] = [
    ["a rejection", () => new Response("s3cret", { status: 403 })],
    ["a redirect", () => new Response(null, { status: 302, headers: { Location: "https://evil.test" } })],
    ["no JSON", () => new Response("<html>")],
    ["another JSON", () => Response.json({ result: [] })],
    ["a row without its columns", () => table({ key0: "free" })],
    ["a sum that is no number", () => table({ key0: "free", n_requests: "1e9; x", n_sampled: 1 })],
    ["more than can be", () => new Response(new Uint8Array(17 * 1_048_576))],
    ["no answer", () => Promise.reject(new TypeError("network"))],
  ];
  it.each(rejected)("that is %s is an error, and the error has no secret in it", async (_what, answer) => {
    const failure: unknown = await server(answer)
      .backend.run(query("tiers"))
      .catch((thrown: unknown) => thrown);
    expect(failure).toBeInstanceOf(Error);
    expect(String(failure)).not.toContain("s3cret");
  });

  it("that does not come is given up after the deadline", async () => {
    vi.useFakeTimers();
    try {
      const run = server(() => new Promise<Response>(() => {})).backend.run(query("tiers"));
      const failed = expect(run).rejects.toThrow(/no answer in 8000 ms/);
      await vi.advanceTimersByTimeAsync(8_000);
      await failed;
    } finally {
      vi.useRealTimers();
    }
  });

  it("may have 64-bit integers as text", async () => {
    const outcomes = { n_allowed: "2", n_denied: 0, n_turned_away: 0, n_decided: "3" };
    const sums = { ...outcomes, n_cost: 4.5, n_admitted: "2", n_most: "2", last_s: "9" };
    const row = { key0: "free", n_requests: "3", ...sums, level0: 1, level1: null, level2: 2 };
    const { backend } = server(() => table(row));
    expect(await backend.run(query("tiers"))).toMatchObject({
      backend: "engine",
      sampled: true,
      tiers: [{ tier: "free", requests: 3, allowed: 2, errors: 1, cost: 4.5, share: 1 }],
    });
  });

  it("with an error status is distinguished from a bug", async () => {
    await expect(server(() => new Response("", { status: 500 })).backend.run(query("tiers"))).rejects.toThrow(
      EngineFailure,
    );
  });
});

describe("a literal", () => {
  it.each(HOSTILE.map((text) => [JSON.stringify(text).slice(0, 60), text]))(
    "of %s ends where it should",
    (_shown, text) => {
      const literal = textLiteral(text);
      expect(literal).toMatch(/^'(?:[^'\\]|\\['\\0nrtbf])*'$/);
      const unescaped: Record<string, string> = { "0": "\0", n: "\n", r: "\r", t: "\t", b: "\b", f: "\f" };
      const read = literal.slice(1, -1).replaceAll(/\\(.)/g, (_all, char: string) => unescaped[char] ?? char);
      expect(read).toBe(text);
    },
  );

  it("of a number is a number, and of no number none", () => {
    expect([numberLiteral(20_000), numberLiteral(0.95), numberLiteral(-3)]).toEqual(["20000", "0.95", "-3"]);
    for (const none of [Number.NaN, Number.POSITIVE_INFINITY, 1e21]) {
      expect(() => numberLiteral(none)).toThrow(RangeError);
    }
  });
});

it("a request id is asked for exactly, within the range, and as a literal", async () => {
  const { bodies, backend } = server(() => table());
  const answer = await backend.run({ ...query("decisions"), requestId: "r' OR 1" });
  expect(bodies[0]).toMatch(
    /WHERE timestamp >= toDateTime\(\d+\) AND timestamp < toDateTime\(\d+\) AND \(blob13 = 'r\\' OR 1' OR position\(' r\\' OR 1 ' IN blob15\) > 0\)\n/,
  );
  expect(answer).toMatchObject({
    decisions: [],
    notFound: { detail: expect.stringContaining("not recorded") },
  });
});

it("an account's name is asked for as Analytics Engine keeps it: cut between characters", async () => {
  const long = `user:${"x".repeat(90)}\u{1f680}`;
  const { bodies, backend } = server(() => table());
  await backend.run(query("overview", { account: long }));
  expect(bodies[0]).toContain(`index1 = 'user:${"x".repeat(90)}'\n`);
  expect(cut(long, INDEX_BYTES)).toBe(`user:${"x".repeat(90)}`);
});

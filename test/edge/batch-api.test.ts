/** Many operations at once, as JSON or as a stream: in order, an invalid one fails alone, one call to each user's object. */
import { afterEach, describe, expect, it, vi } from "vitest";
import * as z from "zod/mini";
import { customer, newUser } from "../fixtures/edge-account.ts";
import { startEdge } from "../fixtures/edge-app.ts";
import { objectsWith } from "../fixtures/edge-bindings.ts";
import { policyWith, TEST_POLICY } from "../fixtures/edge-policy.ts";
import { problemOf } from "../fixtures/edge-problem.ts";

const PATH = "/api/v1/rate-limit/check/batch";
const bytes = (text: string) => new TextEncoder().encode(text);

/** An edge with a service that may check, and the decide calls that its operations cause. */
async function asking(policy = TEST_POLICY) {
  const calls: string[] = [];
  const edge = await startEdge({
    policy,
    variables: {
      USER_LIMITER: objectsWith((subject, method) => {
        // Excludes the limit of the administrator who issued the service's key.
        if ((method === "serve" || method === "decide") && !subject.startsWith("login:")) calls.push(subject);
      }),
    },
  });
  const { headers } = await customer(edge, { scopes: ["check"] });
  const batch = (body: unknown) =>
    edge.request(PATH, { method: "POST", body: JSON.stringify(body), headers });
  const ndjson = (body: BodyInit, type = "application/x-ndjson") =>
    edge.request(PATH, { method: "POST", body, headers: { ...headers, "Content-Type": type } });
  return { edge, calls, batch, ndjson };
}

const invalid = (path: string) => ({
  error: { code: "invalid_request", errors: [{ path, message: expect.any(String) }] },
});

describe("a batch", () => {
  it("is answered in order, and an invalid item fails alone", async () => {
    const { batch } = await asking();
    const [ada, bob] = [newUser(), newUser()];
    const response = await batch([
      { user: ada, cost: 6 },
      { user: "a b" },
      { user: bob, cost: 1 },
      7,
      { user: ada, cost: 6 },
      { user: bob, route: "/nowhere" },
      { user: ada, cost: 4 },
    ]);
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject([
      { allowed: true, cost: 6 },
      invalid("/user"),
      { allowed: true, cost: 1 },
      invalid(""),
      { allowed: false, violated: ["minute"] },
      invalid("/route"),
      { allowed: true, cost: 4 },
    ]);
  });

  it("makes one call to each user's object, not one for each item", async () => {
    const { batch, calls } = await asking();
    const users = Array.from({ length: 20 }, newUser);
    const items = Array.from({ length: 1_000 }, (_, i) => ({ user: users[(i * 7) % 20], cost: 0.001 }));
    const response = await batch(items);
    expect(await response.json()).toHaveLength(1_000);
    expect(calls.toSorted()).toEqual(users.map((user) => `user:${user}`).toSorted());
  });

  it("charges a repeated idempotency key once, also within the batch", async () => {
    const { batch } = await asking();
    const user = newUser();
    const item = { user, cost: 4, idempotencyKey: "k" };
    const [first, second, third] = z.parse(
      z.array(z.record(z.string(), z.unknown())),
      await (await batch([item, item, item])).json(),
    );
    const again = { ...first, replayed: true };
    expect([second, third]).toEqual([again, again]);
    expect(await (await batch([{ user, cost: 6, peek: true }])).json()).toMatchObject([{ allowed: true }]);
  });

  it("rejects only an idempotency key reused with other parameters, in the same batch or a later one", async () => {
    const { batch } = await asking();
    const user = newUser();
    const item = { user, cost: 4, idempotencyKey: "k" };
    const mismatch = { error: { code: "idempotency_mismatch", detail: expect.any(String) } };
    const answers = await batch([
      item,
      { ...item, cost: 1 },
      { ...item, peek: true },
      { user, cost: 5 },
      item,
    ]);
    expect(await answers.json()).toMatchObject([
      { allowed: true },
      mismatch,
      mismatch,
      { allowed: true, cost: 5 },
      { allowed: true, replayed: true },
    ]);
    expect(
      await (
        await batch([
          { ...item, route: "/compare" },
          { user, peek: true },
        ])
      ).json(),
    ).toMatchObject([
      mismatch,
      { allowed: true, limits: [{ remaining: expect.closeTo(1, 0) }, { remaining: 991 }] },
    ]);
  });

  it("decides a denied idempotency key again within the batch", async () => {
    const { batch } = await asking();
    const user = newUser();
    const item = { user, cost: 6, idempotencyKey: "k" };
    const answers = await batch([{ user, cost: 6 }, item, { ...item, cost: 2 }, item, { ...item, cost: 2 }]);
    expect(await answers.json()).toMatchObject([
      { allowed: true },
      { allowed: false },
      { allowed: true, cost: 2 },
      { error: { code: "idempotency_mismatch" } },
      { replayed: true, cost: 2 },
    ]);
  });

  it.each([
    ["nothing", []],
    ["1,001 items", Array.from({ length: 1_001 }, () => ({ user: "a" }))],
    ["an object", { operations: [] }],
    ["a string", "a"],
  ])("is 422 and decides nothing if it is %s", async (_what, body) => {
    const { batch, calls } = await asking();
    expect(await problemOf(await batch(body))).toMatchObject({ status: 422, code: "invalid_request" });
    expect(calls).toEqual([]);
  });

  it("reads items of any depth, and rejects only those", async () => {
    const { edge } = await asking();
    const { headers } = await customer(edge, { scopes: ["check"] });
    const body = `[${"[".repeat(100_000)}${"]".repeat(100_000)}, {"user":"deep"}]`;
    const response = await edge.request(PATH, { method: "POST", body, headers });
    expect(await response.json()).toMatchObject([invalid(""), { allowed: true }]);
  });
});

describe("if a tier fails closed and the limiter is down", () => {
  afterEach(() => vi.restoreAllMocks());

  it("the items of its users report it, and the others are answered", async () => {
    vi.spyOn(console, "error").mockReturnValue();
    const policy = policyWith({
      tiers: { ...TEST_POLICY.tiers, closed: { limits: [], onLimiterFailure: "closed" } },
    });
    const down = newUser();
    const edge = await startEdge({
      policy,
      variables: {
        USER_LIMITER: objectsWith((subject) => {
          if (subject === `user:${down}`) throw new Error("down");
        }),
      },
    });
    const { headers } = await customer(edge, { scopes: ["check"] });
    const body = JSON.stringify([
      { user: down, tier: "closed" },
      { user: newUser() },
      { user: down, tier: "free" },
    ]);
    const response = await edge.request(PATH, { method: "POST", body, headers });
    expect(await response.json()).toMatchObject([
      { error: { code: "temporary_reduced_capacity", retryAfterMs: expect.any(Number) } },
      { allowed: true, source: "strict" },
      { allowed: true, source: "fallback" },
    ]);
  });
});

describe("a stream of operations", () => {
  /** Sends lines by hand and reads answers one by one. */
  async function conversation() {
    const { ndjson, calls } = await asking();
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const answering = ndjson(readable);
    const decoder = new TextDecoder();
    let reader: ReadableStreamDefaultReader<Uint8Array> | null = null;
    return {
      calls,
      send: (content: string | Uint8Array) =>
        writer.write(typeof content === "string" ? bytes(content) : content),
      end: () => writer.close(),
      async receive(): Promise<unknown[]> {
        reader ??= (await answering).body?.getReader() ?? null;
        const chunk = await reader?.read();
        return linesOf(decoder.decode(chunk?.value));
      },
    };
  }

  it("is answered line by line, before it has ended", async () => {
    const { send, end, receive } = await conversation();
    const user = newUser();
    const first = send(`${JSON.stringify({ user, cost: 6 })}\n`);
    expect(await receive()).toMatchObject([{ allowed: true, cost: 6 }]);
    await first;
    // A line may arrive in pieces, or with others.
    const second = send(`${JSON.stringify({ user, cost: 6 })}\n{"user":`);
    expect(await receive()).toMatchObject([{ allowed: false }]);
    await second;
    const third = send(`"${user}"}\n{"user":"a b"}\n`);
    expect(await receive()).toMatchObject([{ allowed: true, cost: 1 }, invalid("/user")]);
    await third;
    const ended = end();
    expect(await receive()).toEqual([]);
    await ended;
  });

  it("reports the fault of a line in its place, and continues", async () => {
    const { ndjson } = await asking();
    const user = newUser();
    const good = JSON.stringify({ user, cost: 0.001 });
    const long = `{"user":"${"x".repeat(20_000)}"}`;
    const body = [good, "{", "", "null", long, "   ", good, "[]", `${"y".repeat(40_000)}`, good].join("\r\n");
    const response = await ndjson(body);
    expect(response.headers.get("Content-Type")).toBe("application/x-ndjson");
    expect(linesOf(await textOf(response))).toMatchObject([
      { allowed: true },
      invalid(""),
      invalid(""),
      invalid(""),
      { allowed: true },
      invalid(""),
      invalid(""),
      { allowed: true },
    ]);
  });

  it("distinguishes a line that is not JSON from one that is not an operation", async () => {
    const { ndjson } = await asking();
    const answers = linesOf(await textOf(await ndjson('{"user":\n7')));
    expect(answers).toMatchObject([
      { error: { errors: [{ path: "", message: expect.stringContaining("not JSON") }] } },
      { error: { errors: [{ path: "", message: expect.stringContaining("expected object") }] } },
    ]);
  });

  it("rejects a cost in a unit that schemas would leave out, and charge nothing for", async () => {
    const { ndjson } = await asking();
    const line = `{"user": "${newUser()}", "cost": {"requests": 1, "__proto__": 5}}\n`;
    const [answer] = linesOf(await textOf(await ndjson(line)));
    const errors = [{ path: "/cost/__proto__", message: "is not a known field" }];
    expect(answer).toMatchObject({ error: { code: "invalid_request", errors } });
  });

  it.each([
    ["application/x-ndjson; charset=utf-8", true],
    ["Application/X-NDJSON", true],
    [" application/x-ndjson ;x=1", true],
    ["application/x-ndjson-not", false],
    ["application/json; of=application/x-ndjson", false],
  ])("is recognized by its media type alone: %s", async (type, isNdjson) => {
    const { ndjson } = await asking();
    const body = `{"user":"${newUser()}"}\n{"user":"${newUser()}"}\n`;
    const response = await ndjson(body, type);
    expect([response.status, linesOf(await textOf(response)).length]).toEqual(isNdjson ? [200, 2] : [400, 1]);
  });

  it("buffers no more of an endless line than the longest it accepts, and reports it once", async () => {
    const { send, end, receive } = await conversation();
    const sent = (async () => {
      for (let i = 0; i < 20; i++) await send("z".repeat(10_000));
      await send(`\n{"user":"${newUser()}"}\n`);
      await end();
    })();
    expect(await receive()).toMatchObject([invalid("")]);
    expect(await receive()).toMatchObject([{ allowed: true }]);
    expect(await receive()).toEqual([]);
    await sent;
  });

  it("needs no newline at its end, and may be split in the middle of a character", async () => {
    const { send, end, receive } = await conversation();
    const line = bytes(`{"user":"${newUser()}","é":1}`);
    const sent = (async () => {
      await send(line.slice(0, -5));
      await send(line.slice(-5));
      await end();
    })();
    expect(line.at(-5)).toBe(0xa9);
    expect(await receive()).toMatchObject([invalid("/é")]);
    await sent;
  });

  it("of 1,001 lines gets 1,000 answers and one error", async () => {
    const { ndjson } = await asking();
    const line = `${JSON.stringify({ user: newUser(), cost: 0.001 })}\n`;
    const answers = linesOf(await textOf(await ndjson(line.repeat(1_001))));
    expect(answers).toHaveLength(1_001);
    expect(answers[999]).toMatchObject({ allowed: true });
    expect(answers[1_000]).toMatchObject(invalid(""));
    expect(linesOf(await textOf(await ndjson(line.repeat(1_000))))).toHaveLength(1_000);
  });

  it("charges a repeated idempotency key once, and rejects its reuse with other parameters in its place", async () => {
    const { ndjson } = await asking();
    const item = { user: newUser(), cost: 4, idempotencyKey: "k" };
    const lines = [item, item, { ...item, cost: 5 }, item].map((each) => JSON.stringify(each)).join("\n");
    expect(linesOf(await textOf(await ndjson(lines)))).toMatchObject([
      { allowed: true },
      { replayed: true },
      { error: { code: "idempotency_mismatch" } },
      { replayed: true },
    ]);
  });

  it("gets an empty response if it is empty", async () => {
    const { ndjson, calls } = await asking();
    expect(await textOf(await ndjson(""))).toBe("");
    expect(await textOf(await ndjson("\n\n\n"))).toBe("");
    expect(calls).toEqual([]);
  });
});

function linesOf(text: string): unknown[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line): unknown => JSON.parse(line));
}

/** The body as text: workerd warns about `text()` on a media type that it does not know as text. */
async function textOf(response: Response): Promise<string> {
  return new TextDecoder().decode(await response.arrayBuffer());
}

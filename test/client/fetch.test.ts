/** The waiting fetch: what it waits for, how long, and when it does not. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { waitingFetch, type WaitingFetchOptions } from "../../packages/client/src/fetch.ts";

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"], now: Date.UTC(2026, 0, 1) });
  vi.spyOn(Math, "random").mockReturnValue(0);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

/** A fetch whose server gives these answers, the last one for good. */
function against(answers: readonly ResponseInit[], options: WaitingFetchOptions = {}) {
  const bodies: string[] = [];
  const server = vi.fn(async (input: RequestInfo | URL, init?: RequestInit) => {
    bodies.push(await new Request(input, init).text());
    return new Response("answer", answers[Math.min(bodies.length, answers.length) - 1]);
  });
  return { server, bodies, send: waitingFetch({ fetch: server, ...options }) };
}

const limited = (headers: Record<string, string> = {}, status = 429): ResponseInit => ({ status, headers });
const OK = { status: 200 };
const URL = "https://api.test/";

/** Milliseconds after which the call is answered. */
async function timed(call: Promise<Response>): Promise<[status: number, afterMs: number]> {
  const startMs = Date.now();
  const answers: [number, number][] = [];
  void call.then(({ status }) => answers.push([status, Date.now() - startMs]));
  for (let step = 0; step < 200 && answers.length === 0; step++) await vi.advanceTimersByTimeAsync(500);
  return answers[0] ?? [0, 0];
}

describe("it waits", () => {
  it.each<[what: string, headers: Record<string, string>, afterMs: number]>([
    ["as Retry-After says", { "Retry-After": "7", RateLimit: '"minute";r=0;t=30' }, 7_000],
    ["until the date of Retry-After", { "Retry-After": "Thu, 01 Jan 2026 00:00:09 GMT" }, 9_000],
    [
      "until the used-up limits of RateLimit have something",
      { RateLimit: '"a;r=0", "m";r=0;t=5, "d";t=9;r=0' },
      9_000,
    ],
    [
      "not for limits that still have something",
      { RateLimit: '"minute";r=0;t=2, "month";r=5;t=90000' },
      2_000,
    ],
  ])("%s", async (_what, headers, afterMs) => {
    const { server, send } = against([limited(headers), OK]);
    expect(await timed(send(URL))).toEqual([200, afterMs]);
    expect(server).toHaveBeenCalledTimes(2);
  });

  it("longer each time without a header, and at random on top of any wait", async () => {
    vi.mocked(Math.random).mockReturnValue(0.5);
    const { send } = against([limited(), limited(), limited({ "Retry-After": "1" }), OK]);
    expect(await timed(send(URL))).toEqual([200, 500 + 1_000 + 1_000 + 2_000]);
  });

  it("three times, and then returns the rejection", async () => {
    const { server, send } = against([limited({ "Retry-After": "1" })]);
    expect(await timed(send(URL))).toEqual([429, 3_000]);
    expect(server).toHaveBeenCalledTimes(4);
  });

  it("for 503 with Retry-After, if the method is safe to repeat", async () => {
    const answers = [limited({ "Retry-After": "2" }, 503), OK];
    expect(await timed(against(answers).send(URL))).toEqual([200, 2_000]);
    expect(await timed(against(answers).send(URL, { method: "POST" }))).toEqual([503, 0]);
    expect(await timed(against([limited({}, 503), OK]).send(URL))).toEqual([503, 0]);
  });
});

describe("it does not wait", () => {
  it.each<[what: string, headers: Record<string, string>, options: WaitingFetchOptions]>([
    ["longer than maxWaitMs", { "Retry-After": "61" }, {}],
    ["longer than maxWaitMs in all", { "Retry-After": "6" }, { maxWaitMs: 5_999 }],
    ["if retries are off", { "Retry-After": "1" }, { maxRetries: 0 }],
    ["if too many calls wait", { "Retry-After": "1" }, { maxWaiting: 0 }],
  ])("%s", async (_what, headers, options) => {
    const { server, send } = against([limited(headers), OK], options);
    const response = await send(URL);
    expect([response.status, await response.text()]).toEqual([429, "answer"]);
    expect(server).toHaveBeenCalledTimes(1);
  });

  it("if the body is a stream, which cannot be sent again", async () => {
    const { send } = against([limited({ "Retry-After": "1" }), OK]);
    const body = new Response("streamed").body;
    const init: RequestInit & { duplex: "half" } = { method: "POST", body, duplex: "half" };
    expect((await send(URL, init)).status).toBe(429);
  });

  it("when the caller aborts: then it throws the reason, and leaves no timer", async () => {
    const { send } = against([limited({ "Retry-After": "30" })]);
    const controller = new AbortController();
    const call = send(URL, { signal: controller.signal });
    const failed = expect(call).rejects.toThrow("enough");
    await vi.advanceTimersByTimeAsync(100);
    controller.abort(new Error("enough"));
    await failed;
    expect(vi.getTimerCount()).toBe(0);
  });
});

it("sends the same body again", async () => {
  const { bodies, send } = against([limited({ "Retry-After": "1" }), limited({ "Retry-After": "1" }), OK]);
  await timed(send(URL, { method: "POST", body: "twice" }));
  await timed(send(new Request(URL, { method: "POST", body: "thrice" })));
  expect(bodies).toEqual(["twice", "twice", "twice", "thrice"]);
});

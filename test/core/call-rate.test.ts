/** How long an object that is called often wants its denials repeated: by the number of calls in the last half second. */
import { expect, it } from "vitest";
import { CallRate } from "../../durable-objects/user-limiter/call-rate.ts";

const NOW_MS = 1_900_000_000_000;

/** After a second of this many calls a second. */
function after(perSecond: number): CallRate {
  const calls = new CallRate();
  for (let i = 0; i <= perSecond; i++) calls.called(NOW_MS + (i * 1_000) / perSecond);
  return calls;
}

it.each([
  [10, null],
  [400, null],
  [420, 100],
  [440, 100],
  [600, 500],
  [800, 1_000],
  [5_000, 1_000],
])("at %i calls a second, denials are repeated for at least %s ms", (perSecond, repeatMs) => {
  expect(after(perSecond).repeatMs).toBe(repeatMs);
});

it("denials are repeated as long as they hold once the calls have stopped, or the clock has stepped back", () => {
  for (const laterMs of [5_000, -5_000]) {
    const calls = after(1_000);
    calls.called(NOW_MS + 1_000 + laterMs);
    expect(calls.repeatMs).toBeNull();
  }
});

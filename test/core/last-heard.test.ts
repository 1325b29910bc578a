/** What is remembered of a user for when its object fails. */
import { expect, it } from "vitest";
import { LastHeard } from "../../src/limiter/last-heard.ts";

const ALLOWED = { tier: "pro", outcome: "allowed" } as const;
const KEPT_MS = 600_000;

it("a user's tier is known for ten minutes after its last decision, however many came before", () => {
  const heard = new LastHeard();
  for (const atMs of [0, 100_000, 299_999]) heard.note("user", ALLOWED, atMs);
  expect(heard.remembered("user", 299_999 + KEPT_MS - 1)).toMatchObject({ tier: "pro", outcome: "allowed" });
  expect(heard.remembered("user", 299_999 + KEPT_MS)).toBeUndefined();
});

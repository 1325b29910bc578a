/** What an isolate remembers of a user for when the user's object fails. */
import { describe, expect, it } from "vitest";
import { LastHeard } from "../../src/limiter/last-heard.ts";

const ALLOWED = { tier: "pro", outcome: "allowed" } as const;
const KEPT_MS = 600_000;

it("a replay and a mismatch say nothing about a user, who may have been blocked since", () => {
  const heard = new LastHeard(1_000);
  heard.note("user", null, { tier: "pro", outcome: "blocked" }, 0);
  heard.note("user", null, { ...ALLOWED, replayed: true }, 1);
  heard.note("user", null, { tier: "free", outcome: "mismatch" }, 2);
  expect(heard.remembered("user", 3)).toMatchObject({ tier: "pro", outcome: "blocked" });
});

it("a user's tier is known for ten minutes after the last decision", () => {
  const heard = new LastHeard(1_000);
  for (const atMs of [0, 100_000, 299_999]) {
    heard.answered("user", atMs);
    heard.note("user", null, ALLOWED, atMs);
  }
  expect(heard.remembered("user", 299_999 + KEPT_MS - 1)).toMatchObject({ tier: "pro", outcome: "allowed" });
  expect(heard.remembered("user", 299_999 + KEPT_MS)).toBeUndefined();
});

describe("an object", () => {
  it("is alive for a deadline after each answer, and for that long after it reported that it is overloaded", () => {
    const heard = new LastHeard(1_000);
    expect(heard.isAlive("user", 0)).toBe(false);
    heard.answered("user", 0);
    expect([heard.isAlive("user", 999), heard.isAlive("user", 1_000)]).toEqual([true, false]);
    heard.overloaded("user", 500, 2_000);
    expect([heard.isAlive("user", 3_499), heard.isAlive("user", 3_500)]).toEqual([true, false]);
    // An earlier call got no answer, but others did meanwhile.
    heard.failed("user", 1_999);
    expect(heard.isAlive("user", 3_000)).toBe(true);
    heard.failed("user", 2_000);
    expect(heard.isAlive("user", 3_000)).toBe(false);
  });

  it("counts as alive if it may have been evicted", () => {
    const heard = new LastHeard(1_000);
    heard.answered("user", 0);
    for (let i = 0; i < 10_000; i++) heard.answered(`other-${i}`, 100);
    expect(heard.latest("user")).toBeUndefined();
    expect([heard.isAlive("user", 999), heard.isAlive("user", 1_000)]).toEqual([true, false]);
  });
});

it("made-up users evict no rejected user", () => {
  const heard = new LastHeard(1_000);
  heard.note("blocked", null, { tier: "pro", outcome: "blocked" }, 0);
  heard.note("user", "stolen", { tier: "pro", outcome: "revoked" }, 0);
  for (let i = 0; i < 20_000; i++) heard.note(`made-up-${i}`, null, ALLOWED, 1);
  expect(heard.rejection("blocked", null, 2)).toBe("blocked");
  expect(heard.rejection("user", "stolen", 2)).toBe("revoked");
  // Only that key.
  expect(heard.rejection("user", "other", 2)).toBeNull();
  expect(heard.rejection("user", null, 2)).toBeNull();
  heard.note("blocked", null, ALLOWED, 3);
  expect(heard.rejection("blocked", null, 3)).toBeNull();
});

it("an answer to an earlier question lifts neither a block nor a key's end", () => {
  const heard = new LastHeard(1_000);
  heard.noteRejection("user", null, "blocked", 10);
  heard.noteStop("user", "key", 10, 10);
  heard.note("user", "key", ALLOWED, 9);
  expect(heard.rejection("user", null, 11)).toBe("blocked");
  heard.note("user", null, ALLOWED, 11);
  expect([heard.rejection("user", null, 11), heard.rejection("user", "key", 11)]).toEqual([null, "revoked"]);
});

it("a key stops at the end of its grace period, the earliest of several, and is good until then", () => {
  const heard = new LastHeard(1_000);
  heard.noteStop("user", "key", 500, 0);
  heard.noteStop("user", "key", 900, 1);
  heard.note("user", "key", ALLOWED, 2);
  expect([heard.rejection("user", "key", 499), heard.rejection("user", "key", 500)]).toEqual([
    null,
    "revoked",
  ]);
});

it("a change of an account keeps where billing stops it, unless its tier has changed", () => {
  const heard = new LastHeard(1_000);
  const allowance = {
    limit: "month",
    anchorDay: 1,
    includedMilli: 1_000,
    amountMilli: 2_000,
    cap: "budget",
  } as const;
  heard.noteStanding("user", { id: 7, account: { tier: "pro", overrides: {}, allowance } }, 0);
  const account = { user: "user", name: "", status: "active", overrides: {}, version: 2 } as const;
  const note = (tier: string) => {
    heard.noteAccount("user", { ...account, tier, createdMs: 0, updatedMs: 1 }, 1);
    return heard.latest("user")?.standing.account;
  };
  expect(note("pro")).toEqual({ tier: "pro", overrides: {}, allowance });
  expect(note("max")).toEqual({ tier: "max", overrides: {} });
});

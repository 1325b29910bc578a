/** How drafts are stored, and which answers of the policy API the page accepts. */
import { expect, test } from "vitest";
import {
  accountsOf,
  faultsOf,
  parseNewRevision,
  parseVerdict,
} from "../../dashboard/src/policy/activation-api.ts";
import { type Draft, startDraft, storedDraft, storeDraft } from "../../dashboard/src/policy/draft.ts";
import { parseRevision, parseRevisionPage } from "../../dashboard/src/policy/policy-api.ts";
import { parseUses } from "../../dashboard/src/policy/uses-api.ts";

const MINE: Draft = { text: '{ "schema": 1, ', base: 7 };

/** Storage like a browser's, with room for `room` characters. */
function storage(room = 1_000_000) {
  const items = new Map<string, string>();
  return {
    getItem: (key: string) => items.get(key) ?? null,
    removeItem: (key: string) => void items.delete(key),
    setItem: (key: string, value: string) => {
      if (value.length > room) throw new DOMException("full", "QuotaExceededError");
      items.set(key, value);
    },
  };
}

test("stores a draft as typed, with the revision it is based on, until it is deleted", () => {
  const tab = storage();
  expect(storeDraft("draft", MINE, tab)).toBe(true);
  expect(storedDraft("draft", tab)).toEqual(MINE);
  expect(storedDraft("discarded", tab)).toBeNull();
  storeDraft("draft", null, tab);
  expect(storedDraft("draft", tab)).toBeNull();
});

test("keeps the old draft as discarded when a new one starts", () => {
  const tab = storage();
  const theirs: Draft = { text: "{}", base: 8 };
  storeDraft("draft", MINE, tab);
  startDraft(theirs, tab);
  expect([storedDraft("draft", tab), storedDraft("discarded", tab)]).toEqual([theirs, MINE]);
  startDraft(theirs, tab);
  expect(storedDraft("discarded", tab)).toEqual(MINE);
});

test("reports that a draft is not stored if the browser has no room", () => {
  const tab = storage(20);
  expect(storeDraft("draft", { text: "x".repeat(100), base: 1 }, tab)).toBe(false);
  expect(storedDraft("draft", tab)).toBeNull();
});

test.each(["", "nonsense", "[]", '{"text":1,"base":1}', '{"text":"","base":"1"}', '{"text":"","base":1.5}'])(
  "rejects %j as a draft",
  (stored) => {
    expect(storedDraft("draft", { getItem: () => stored })).toBeNull();
  },
);

const INFO = { revision: 3, createdAt: "2026-11-21T07:00:00.000Z", actor: "ann", reason: "", restores: null };

test("reads revisions, and rejects anything else", () => {
  expect(parseRevision({ ...INFO, document: { schema: 1 } })).toEqual({ ...INFO, document: { schema: 1 } });
  expect(parseRevision(INFO)).toBeNull();
  expect(parseRevision({ ...INFO, revision: "3", document: {} })).toBeNull();
  expect(parseRevisionPage({ revisions: [INFO], cursor: "abc" })).toEqual({
    revisions: [INFO],
    cursor: "abc",
  });
  expect(parseRevisionPage({ revisions: [INFO, {}], cursor: null })).toBeNull();
  expect(parseRevisionPage("no JSON")).toBeNull();
});

test("distinguishes a published activation from one that is not published yet", () => {
  expect(parseNewRevision({ ...INFO, published: true, warnings: [] })?.published).toBe(true);
  expect(parseNewRevision({ ...INFO, published: false, warnings: [] })?.published).toBe(false);
  expect(parseNewRevision({})).toBeNull();
});

test("never takes an answer without a verdict for a valid policy", () => {
  const fault = { path: "/a", message: "no" };
  const valid = { valid: true, errors: [], warnings: [{ path: "/tiers/gold", message: "in use" }] };
  expect(parseVerdict(valid)).toEqual(valid);
  const invalid = { valid: false, errors: [fault], warnings: [] };
  expect(parseVerdict(invalid)).toEqual(invalid);
  for (const strange of [
    { ...invalid, errors: [] },
    { ...valid, errors: [fault] },
    { errors: [], warnings: [] },
    { valid: false, warnings: [] },
    { ...invalid, errors: [{ path: "/a" }] },
    // Missing warnings do not mean that there are none.
    { valid: true, errors: [] },
  ]) {
    expect(parseVerdict(strange)).toBeNull();
  }
});

test("reads the faults of a rejection", () => {
  const errors = [{ path: "/a", message: "no" }];
  expect(faultsOf({ title: "Unprocessable Content", errors })).toEqual(errors);
  expect([faultsOf({ title: "Forbidden" }), faultsOf(null)]).toEqual([[], []]);
});

test("knows how many accounts have a tier, and does not take a missing count for zero", () => {
  const use = { kind: "tier", tier: "free", limit: null, accounts: 14, examples: ["ann"] };
  const uses = parseUses({ uses: [use], complete: true });
  expect([accountsOf(uses, "free"), accountsOf(uses, "pro")]).toEqual([14, 0]);
  expect(accountsOf(parseUses({ uses: [use], complete: false }), "pro")).toBeNull();
  expect(accountsOf(null, "free")).toBeNull();
  expect(parseUses({ uses: [{ ...use, kind: "key" }], complete: true })).toBeNull();
});

/** What is kept of a draft, and what the page believes of the policy's API. */
import { expect, test } from "vitest";
import { beginDraft, type Draft, storedDraft, storeDraft } from "../../dashboard/src/policy/draft.ts";
import {
  parseActivation,
  parseFaults,
  parseVerdict,
  parseRevision,
  parseRevisionPage,
} from "../../dashboard/src/policy/policy-api.ts";

const MINE: Draft = { text: '{ "schema": 1, ', base: 7 };

/** As a browser's, with room for so many characters. */
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

test("keeps a draft as it was typed, with the revision it was begun from, until it is forgotten", () => {
  const tab = storage();
  expect(storeDraft("draft", MINE, tab)).toBe(true);
  expect(storedDraft("draft", tab)).toEqual(MINE);
  expect(storedDraft("aside", tab)).toBeNull();
  storeDraft("draft", null, tab);
  expect(storedDraft("draft", tab)).toBeNull();
});

test("sets a draft aside rather than lose it to another", () => {
  const tab = storage();
  const theirs: Draft = { text: "{}", base: 8 };
  storeDraft("draft", MINE, tab);
  beginDraft(theirs, tab);
  expect([storedDraft("draft", tab), storedDraft("aside", tab)]).toEqual([theirs, MINE]);
  beginDraft(theirs, tab);
  expect(storedDraft("aside", tab)).toEqual(MINE);
});

test("says that a draft is not kept where the browser has no room", () => {
  const tab = storage(20);
  expect(storeDraft("draft", { text: "x".repeat(100), base: 1 }, tab)).toBe(false);
  expect(storedDraft("draft", tab)).toBeNull();
});

test.each(["", "nonsense", "[]", '{"text":1,"base":1}', '{"text":"","base":"1"}', '{"text":"","base":1.5}'])(
  "takes %j for no draft",
  (stored) => {
    expect(storedDraft("draft", { getItem: () => stored })).toBeNull();
  },
);

const INFO = { revision: 3, createdAt: "2026-11-21T07:00:00.000Z", actor: "ann", reason: "", restores: null };

test("reads revisions, and takes nothing else for one", () => {
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

test("tells an activation that is not published yet from one that is", () => {
  expect(parseActivation({ ...INFO, published: true })?.published).toBe(true);
  expect(parseActivation({ ...INFO, published: false })?.published).toBe(false);
  expect(parseActivation({})).toBeNull();
});

test("never takes an answer without a verdict for a valid policy", () => {
  expect(parseFaults({ valid: true, errors: [] })).toEqual([]);
  expect(parseFaults({ errors: [] })).toBeNull();
  expect(parseFaults({ valid: false })).toBeNull();
  expect(parseFaults({ valid: false, errors: [{ path: "/a", message: "no" }] })).toEqual([
    { path: "/a", message: "no" },
  ]);
  expect(parseFaults({ valid: false, errors: [] })).toBeNull();
  const warnings = [{ path: "/tiers/gold", message: "in use" }];
  expect(parseVerdict({ valid: true, errors: [], warnings })).toEqual({ faults: [], warnings });
  // A Worker that says nothing of accounts is not taken to have found none.
  expect(parseVerdict({ valid: true, errors: [] })).toBeNull();
  expect(parseFaults({ valid: false, errors: [{ path: "/a" }] })).toBeNull();
});

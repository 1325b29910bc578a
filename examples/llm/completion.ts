/**
 * The model: a list of words, of which a prompt gets as many as it deserves. One word is one token. The same prompt always gets the same
 * words, so that its cost can be checked.
 */

const WORDS =
  "the quick brown fox jumps over the lazy dog while a careful gateway counts each token that it passes on".split(
    " ",
  );
/** Tokens of a completion whose request names no maximum. */
const DEFAULT_MAX_TOKENS = 256;
/** No completion is longer. */
const MAX_TOKENS = 4_096;

/** How the model behaves, by its name. */
export const BEHAVIOURS = ["fake", "fake-failing", "fake-silent", "fake-breaking", "fake-moody"] as const;
/**
 * - `fake` works.
 * - `fake-failing` answers 503.
 * - `fake-silent` reports no usage.
 * - `fake-breaking` breaks off in the middle of its stream.
 * - `fake-moody` is one of these at each turn.
 */
export type Behaviour = (typeof BEHAVIOURS)[number];

export interface Completion {
  readonly promptTokens: number;
  readonly words: readonly string[];
}

/** @param maxTokens null: as many as the model wants to say. */
export function complete(prompt: string, maxTokens: number | null): Completion {
  const promptTokens = prompt.split(/\s+/).filter((word) => word !== "").length;
  const wanted = 8 + (hashOf(prompt) % 120);
  const length = Math.min(maxTokens ?? DEFAULT_MAX_TOKENS, MAX_TOKENS, wanted);
  const words = Array.from({ length }, (_, i) => WORDS[i % WORDS.length] ?? "");
  return { promptTokens, words };
}

/** What `fake-moody` is at its turn: one request of five fails, one of seven reports no usage. @param turn counts from 1. */
export function moodOf(turn: number): Behaviour {
  if (turn % 5 === 0) return "fake-failing";
  return turn % 7 === 0 ? "fake-silent" : "fake";
}

/** FNV-1a. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (const char of text) hash = Math.imul(hash ^ (char.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash;
}

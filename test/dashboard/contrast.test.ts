/** The contrast of the colours in tokens.css: of all pairs that the page may use, not only of those that a test happens to show to axe. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const CSS = join(import.meta.dirname, "..", "..", "dashboard", "src", "tokens.css");

const THEMES = ["light", "dark"] as const;
const GROUNDS = ["ground", "surface", "sunken"];
const TONES = ["accent", "allowed", "denied", "error", "warning", "would-deny", "neutral"];

const TOKENS = new Map(
  [...(await readFile(CSS, "utf8")).matchAll(/--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(
    ([, name = "", light = "", dark = ""]) => [name, { light, dark }],
  ),
);

/** Relative luminance of `#rrggbb` (WCAG 2.2). */
function luminance(colour: string): number {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

describe.each(THEMES)("in the %s theme", (theme) => {
  const colour = (name: string): string => {
    const token = TOKENS.get(name);
    if (!token) throw new Error(`tokens.css has no colour --${name}`);
    return token[theme];
  };
  const pairs = (fronts: readonly string[], backs: readonly string[]) =>
    fronts.flatMap((front) =>
      backs.map((back) => ({ pair: `${front} on ${back}`, ratio: contrast(colour(front), colour(back)) })),
    );

  it("text has a contrast of 4.5:1 on every surface, and on the soft ground of every tone", () => {
    const texts = ["ink", "quiet", ...TONES];
    const onSoft = pairs(
      ["ink", "quiet"],
      TONES.map((tone) => `${tone}-soft`),
    );
    const onOwn = TONES.flatMap((tone) => pairs([tone], [`${tone}-soft`]));
    const all = [...pairs(texts, GROUNDS), ...onSoft, ...onOwn, ...pairs(["accent-ink"], ["accent"])];
    expect(all.filter(({ ratio }) => ratio < 4.5)).toEqual([]);
  });

  it("edges of inputs have a contrast of 3:1 on every surface", () => {
    expect(pairs(["edge"], GROUNDS).filter(({ ratio }) => ratio < 3)).toEqual([]);
  });
});

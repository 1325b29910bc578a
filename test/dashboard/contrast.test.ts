/** The contrast of input borders, which axe does not check. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";

const CSS = join(import.meta.dirname, "..", "..", "dashboard", "src", "page.css");

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

test("input borders have a contrast of 3:1 against every background, in light and dark", async () => {
  const tokens = new Map(
    [...(await readFile(CSS, "utf8")).matchAll(/--(\w+): light-dark\((#\w{6}), (#\w{6})\)/g)].map(
      ([, name, ...themes]) => [name, themes],
    ),
  );
  for (const theme of [0, 1]) {
    const colour = (name: string): string => tokens.get(name)?.[theme] ?? "";
    for (const ground of ["ground", "surface"]) {
      expect(contrast(colour("edge"), colour(ground)), `${ground} ${theme}`).toBeGreaterThanOrEqual(3);
    }
  }
});

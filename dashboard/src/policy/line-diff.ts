/**
 * A line diff of two texts (Myers, "An O(ND) difference algorithm and its variations", 1986). Bounded: if the texts differ too much,
 * the diff removes all of the one and adds all of the other. Pure.
 */

export interface DiffLine {
  readonly kind: "same" | "removed" | "added";
  readonly text: string;
  /** Line numbers from 1; null if the text does not have the line. */
  readonly before: number | null;
  readonly after: number | null;
}

/** Consecutive lines, or the number of unchanged lines that are left out. */
export type DiffPart = { readonly lines: readonly DiffLine[] } | { readonly skipped: number };

/** Removed and added lines; the memory for the search is its square. */
const MAX_EDITS = 600;

export function diffLines(before: string, after: string): DiffLine[] {
  const a = linesOf(before);
  const b = linesOf(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail += 1;
  const lines: DiffLine[] = [];
  let x = 0;
  let y = 0;
  const add = (kind: DiffLine["kind"]) => {
    const text = (kind === "added" ? b[y] : a[x]) ?? "";
    const isBefore = kind !== "added";
    const isAfter = kind !== "removed";
    lines.push({ kind, text, before: isBefore ? x + 1 : null, after: isAfter ? y + 1 : null });
    if (isBefore) x += 1;
    if (isAfter) y += 1;
  };
  for (let i = 0; i < head; i += 1) add("same");
  for (const kind of edits(a.slice(head, a.length - tail), b.slice(head, b.length - tail))) add(kind);
  for (let i = 0; i < tail; i += 1) add("same");
  return lines;
}

/** The changes with `around` lines of context; other lines are counted. */
export function withoutUnchanged(lines: readonly DiffLine[], around = 3): DiffPart[] {
  const parts: DiffPart[] = [];
  let shown: DiffLine[] = [];
  let skipped = 0;
  let lastChange = Number.NEGATIVE_INFINITY;
  const nextChange: number[] = [];
  let next = Number.POSITIVE_INFINITY;
  for (let i = lines.length - 1; i >= 0; i -= 1) {
    if (lines[i]?.kind !== "same") next = i;
    nextChange[i] = next;
  }
  lines.forEach((line, i) => {
    if (line.kind !== "same") lastChange = i;
    if (i - lastChange <= around || (nextChange[i] ?? 0) - i <= around) {
      if (skipped > 0) parts.push({ skipped });
      skipped = 0;
      if (shown.length === 0) parts.push({ lines: shown });
      shown.push(line);
    } else {
      skipped += 1;
      shown = [];
    }
  });
  if (skipped > 0) parts.push({ skipped });
  return parts;
}

function linesOf(text: string): string[] {
  return text.replace(/\n$/, "").split("\n");
}

/** The shortest way from one list to the other, as steps. */
function edits(a: readonly string[], b: readonly string[]): DiffLine["kind"][] {
  const max = Math.min(a.length + b.length, MAX_EDITS);
  /** How far along `a` each diagonal k is reached, at index max + 1 + k. */
  const furthest = new Int32Array(2 * max + 3);
  const at = (k: number): number => furthest[max + 1 + k] ?? -1;
  /** The values of `furthest` before the d-th edit, for the diagonals -d - 1 to d + 1. */
  const trail: Int32Array[] = [];
  for (let d = 0; d <= max; d += 1) {
    trail.push(furthest.slice(max - d, max + 3 + d));
    for (let k = -d; k <= d; k += 2) {
      let x = isDown(at(k - 1), at(k + 1), k, d) ? at(k + 1) : at(k - 1) + 1;
      while (x < a.length && x - k < b.length && a[x] === b[x - k]) x += 1;
      furthest[max + 1 + k] = x;
      if (x >= a.length && x - k >= b.length) return wayBack(trail, a.length, b.length);
    }
  }
  return [...a.map(() => "removed" as const), ...b.map(() => "added" as const)];
}

/** Whether the diagonal is best reached by adding a line. */
function isDown(left: number, right: number, k: number, d: number): boolean {
  return k === -d || (k !== d && left < right);
}

function wayBack(trail: readonly Int32Array[], width: number, height: number): DiffLine["kind"][] {
  const steps: DiffLine["kind"][] = [];
  let x = width;
  let y = height;
  for (let d = trail.length - 1; d >= 0; d -= 1) {
    const reached = (k: number): number => trail[d]?.[d + 1 + k] ?? -1;
    const k = x - y;
    const from = isDown(reached(k - 1), reached(k + 1), k, d) ? k + 1 : k - 1;
    const fromX = d === 0 ? 0 : reached(from);
    const fromY = d === 0 ? 0 : fromX - from;
    while (x > fromX && y > fromY) {
      steps.push("same");
      x -= 1;
      y -= 1;
    }
    if (d > 0) steps.push(x === fromX ? "added" : "removed");
    x = fromX;
    y = fromY;
  }
  return steps.toReversed();
}

/** Marks that would overlap, merged into one. Pure. */
import type { ChartMark } from "./chart-model.ts";

export interface MarkGroup {
  /** In order of time; at least one. */
  readonly marks: readonly ChartMark[];
  /** "policy 7", or "policy 3–7". */
  readonly label: string;
  /** The left edge and the width of the label, CSS pixels. */
  readonly left: number;
  readonly width: number;
}

/** The approximate width of a letter, and of the label's margins, CSS pixels. */
const LETTER = 6.6;
const PADDING = 12;
/** Between two labels. */
const GAP = 4;

/**
 * Merges neighbours until no labels overlap.
 * @param marks in order of time. @param x the position of a moment. @param from, to the edges of the plot.
 */
export function markGroups(
  marks: readonly ChartMark[],
  x: (ms: number) => number,
  from: number,
  to: number,
): readonly MarkGroup[] {
  const groups: MarkGroup[] = [];
  for (const mark of marks) {
    let group = groupOf([mark], x, from, to);
    for (let last = groups.at(-1); last && overlap(last, group); last = groups.at(-1)) {
      groups.pop();
      group = groupOf([...last.marks, ...group.marks], x, from, to);
    }
    groups.push(group);
  }
  return groups;
}

function overlap(left: MarkGroup, right: MarkGroup): boolean {
  return right.left < left.left + left.width + GAP;
}

function groupOf(
  marks: readonly ChartMark[],
  x: (ms: number) => number,
  from: number,
  to: number,
): MarkGroup {
  const [first] = marks;
  const last = marks.at(-1);
  if (!first || !last) throw new RangeError("a group has at least one mark");
  const label = marks.length === 1 ? first.label : `${first.label}–${last.short}`;
  const width = label.length * LETTER + PADDING;
  const middle = (x(first.atMs) + x(last.atMs)) / 2;
  return { marks, label, width, left: Math.max(from, Math.min(to - width, middle - width / 2)) };
}

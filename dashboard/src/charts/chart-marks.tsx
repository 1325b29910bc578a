/** The marks of a chart: lines with labels, which lead to what they mark, and say who and why on hover and on focus. */
import { useMemo, useState } from "preact/hooks";
import { momentText } from "../shell/moment.ts";
import { usePage } from "../shell/page.tsx";
import { type PageAddress, urlOf } from "../shell/page-address.ts";
import { type ChartMark, type ChartModel, marksWithin } from "./chart-model.ts";
import { BOTTOM, type ChartShape, LEFT, RIGHT } from "./chart-shape.ts";
import { type MarkGroup, markGroups } from "./mark-groups.ts";

interface Props {
  readonly model: ChartModel;
  readonly shape: ChartShape;
  readonly width: number;
  readonly height: number;
}

const LABEL_HEIGHT = 18;
const TIP_WIDTH = 300;
/** The newest of a group; the rest are counted. */
const MAX_LINES = 5;

export function ChartMarks({ model, shape, width, height }: Props) {
  const [opened, setOpened] = useState<MarkGroup | null>(null);
  const groups = useMemo(
    () => markGroups(marksWithin(model), shape.x, LEFT, width - RIGHT),
    [model, shape, width],
  );
  return (
    <>
      {groups.map((group) => (
        <Group
          key={group.label}
          group={group}
          shape={shape}
          bottom={height - BOTTOM}
          onOpen={(isOpen) => setOpened(isOpen ? group : null)}
        />
      ))}
      {opened && <Tip group={opened} width={width} />}
    </>
  );
}

interface GroupProps {
  readonly group: MarkGroup;
  readonly shape: ChartShape;
  readonly bottom: number;
  readonly onOpen: (isOpen: boolean) => void;
}

function Group({ group: { marks, label, left, width }, shape, bottom, onOpen }: GroupProps) {
  const { go } = usePage();
  const to = targetOf(marks);
  return (
    <a
      class="mark"
      href={urlOf(to)}
      aria-label={`${label}. ${marks.map(textOf).join("; ")}`}
      onPointerEnter={() => onOpen(true)}
      onPointerLeave={() => onOpen(false)}
      onFocus={() => onOpen(true)}
      onBlur={() => onOpen(false)}
      // Not the start of a selection in the chart.
      onPointerDown={(event) => event.stopPropagation()}
      onClick={(event) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        go(to);
      }}
    >
      {marks.map(({ atMs }) => (
        <path key={atMs} class="mark-line" d={`M${shape.x(atMs)},${LABEL_HEIGHT + 1}V${bottom}`} />
      ))}
      <rect class="mark-label" x={left} y={1} width={width} height={LABEL_HEIGHT} rx="4" />
      <text class="mark-text" x={left + width / 2} y={LABEL_HEIGHT / 2 + 2}>
        {label}
      </text>
    </a>
  );
}

function Tip({ group: { marks, left }, width }: { readonly group: MarkGroup; readonly width: number }) {
  const shown = marks.slice(-MAX_LINES).toReversed();
  const x = Math.max(0, Math.min(width - TIP_WIDTH, left));
  return (
    <foreignObject class="mark-tip" x={x} y={LABEL_HEIGHT + 5} width={TIP_WIDTH} height={1}>
      <ul>
        {shown.map((mark) => (
          <li key={mark.atMs}>{textOf(mark)}</li>
        ))}
        {marks.length > MAX_LINES && <li>and {marks.length - MAX_LINES} before</li>}
      </ul>
    </foreignObject>
  );
}

function textOf({ atMs, detail }: ChartMark): string {
  return `${momentText(atMs, Date.now())}: ${detail}`;
}

/** What a group leads to: the mark's own place, or the screen that lists them all. */
function targetOf(marks: readonly ChartMark[]): PageAddress {
  const { screen, params } = marks.at(-1)?.to ?? { screen: "overview", params: {} };
  return { screen, params: marks.length === 1 ? params : {} };
}

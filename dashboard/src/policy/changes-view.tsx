/** The changes between two policies: field by field, and line by line. */
import { useMemo } from "preact/hooks";
import { count } from "../shell/format.ts";
import { documentChanges } from "./document-changes.ts";
import { diffLines, type DiffLine, withoutUnchanged } from "./line-diff.ts";

interface ListProps {
  readonly before: unknown;
  readonly after: unknown;
}

/** Enough to judge a change; the line diff shows all of it. */
const MAX_SHOWN = 30;

/** Field by field, as a table. */
export function ChangeList({ before, after }: ListProps) {
  const changes = useMemo(() => documentChanges(before, after), [before, after]);
  if (changes.length === 0) return <p>No field changes.</p>;
  const rest = changes.length - MAX_SHOWN;
  return (
    <div class="scroll change-list">
      <table>
        <thead>
          <tr>
            <th scope="col">Field</th>
            <th scope="col">Before</th>
            <th scope="col">After</th>
          </tr>
        </thead>
        <tbody>
          {changes.slice(0, MAX_SHOWN).map(({ where, before: now, after: then }) => (
            <tr key={where}>
              <th scope="row">{where}</th>
              <td>{now ?? "–"}</td>
              <td>{then ?? "–"}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {rest > 0 && <p class="quiet">And {count(rest)} more: see the line diff.</p>}
    </div>
  );
}

interface LinesProps {
  readonly before: string;
  readonly after: string;
  readonly label: string;
}

const MARKS = { same: " ", removed: "−", added: "+" } as const;
const SPOKEN = { same: "", removed: "removed: ", added: "added: " } as const;
/** More lines would slow the page down. */
const MAX_LINES = 2_000;

/** Line by line, with three lines of context around each change. */
export function LineDiff({ before, after, label }: LinesProps) {
  const parts = useMemo(() => withoutUnchanged(diffLines(before, after)), [before, after]);
  let room = MAX_LINES;
  return (
    <div class="scroll diff" role="region" aria-label={label} tabIndex={0}>
      <table>
        <tbody>
          {parts.flatMap((part, i) => {
            if ("skipped" in part) return [<Skipped key={`skipped ${i}`} lines={part.skipped} />];
            const shown = part.lines.slice(0, room);
            room -= shown.length;
            return shown.map((line) => <Line key={`${line.before} ${line.after}`} line={line} />);
          })}
        </tbody>
      </table>
      {room === 0 && <p class="quiet">More lines changed than can be shown here.</p>}
    </div>
  );
}

function Skipped({ lines }: { readonly lines: number }) {
  return (
    <tr class="skipped">
      <td colSpan={3}>{lines === 1 ? "1 unchanged line" : `${count(lines)} unchanged lines`}</td>
    </tr>
  );
}

function Line({ line: { kind, text, before, after } }: { readonly line: DiffLine }) {
  return (
    <tr class={kind}>
      <td class="number">{before}</td>
      <td class="number">{after}</td>
      <td>
        <pre>
          <span aria-hidden="true">{MARKS[kind]}</span>
          <span class="spoken">{SPOKEN[kind]}</span>
          {text}
        </pre>
      </td>
    </tr>
  );
}

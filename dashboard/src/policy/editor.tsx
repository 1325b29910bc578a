/**
 * A text editor with line numbers. Tab indents; Escape, then Tab, leaves, as the hint says. Its own key handling can be undone like
 * any typing. Never changes the text unless a key is pressed.
 */
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Place } from "./json-text.ts";

interface Props {
  readonly text: string;
  readonly onInput: (text: string) => void;
  /** The numbers of the lines to mark, from 1. */
  readonly marked: ReadonlySet<number>;
  /** Where to move the caret: a new object moves it again. */
  readonly goTo: Place | null;
  readonly isReadOnly: boolean;
}

export function Editor({ text, onInput, marked, goTo, isReadOnly }: Props) {
  const area = useRef<HTMLTextAreaElement>(null);
  const numbers = useRef<HTMLPreElement>(null);
  const isLeaving = useRef(false);
  useEffect(() => {
    const field = area.current;
    if (!goTo || !field) return;
    field.focus();
    field.setSelectionRange(goTo.start, goTo.end);
    const lines = field.value.split("\n").length;
    const line = field.value.slice(0, goTo.start).split("\n").length;
    // Scroll the line to a third from the top, for any line height.
    field.scrollTop = (line / lines) * field.scrollHeight - field.clientHeight / 3;
    field.scrollLeft = 0;
  }, [goTo]);
  const onKeyDown = (event: KeyboardEvent) => {
    const field = area.current;
    if (!field || isReadOnly || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Tab" && !isLeaving.current) {
      event.preventDefault();
      if (event.shiftKey) outdent(field);
      else insert(field, "  ");
    } else if (event.key === "Enter" && !event.isComposing) {
      event.preventDefault();
      insert(field, `\n${indentAt(field)}`);
    }
    isLeaving.current = event.key === "Escape" || (isLeaving.current && event.key === "Shift");
  };
  const count = text.split("\n").length;
  const lines = useMemo(
    () => Array.from({ length: count }, (_, i) => `${marked.has(i + 1) ? "●" : ""}${i + 1}`).join("\n"),
    [count, marked],
  );
  return (
    <div class="editor">
      <pre ref={numbers} aria-hidden="true">
        {lines}
      </pre>
      <textarea
        ref={area}
        aria-label="Policy document"
        aria-describedby="editor-hint"
        aria-invalid={marked.size > 0}
        spellcheck={false}
        autocomplete="off"
        autocapitalize="off"
        wrap="off"
        readOnly={isReadOnly}
        value={text}
        onInput={(event) => onInput(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        onScroll={(event) => {
          if (numbers.current) numbers.current.scrollTop = event.currentTarget.scrollTop;
        }}
      />
      <p id="editor-hint" class="quiet">
        <kbd>Tab</kbd> indents; <kbd>Esc</kbd>, then <kbd>Tab</kbd>, leaves the editor.
      </p>
    </div>
  );
}

/** Inserts as if typed: only execCommand keeps the undo history. */
function insert(field: HTMLTextAreaElement, text: string): void {
  if (document.execCommand("insertText", false, text)) return;
  field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
  field.dispatchEvent(new InputEvent("input", { bubbles: true }));
}

function outdent(field: HTMLTextAreaElement): void {
  const { value, selectionStart } = field;
  const begins = value.lastIndexOf("\n", selectionStart - 1) + 1;
  const spaces = /^ {0,2}/.exec(value.slice(begins))?.[0].length ?? 0;
  if (spaces === 0) return;
  field.setSelectionRange(begins, begins + spaces);
  document.execCommand("delete");
  const caret = Math.max(begins, selectionStart - spaces);
  field.setSelectionRange(caret, caret);
}

/** The indentation of the caret's line, and two spaces more after an opening bracket. */
function indentAt({ value, selectionStart }: HTMLTextAreaElement): string {
  const line = value.slice(value.lastIndexOf("\n", selectionStart - 1) + 1, selectionStart);
  const spaces = /^ */.exec(line)?.[0] ?? "";
  return /[{[]\s*$/.test(line) ? `${spaces}  ` : spaces;
}

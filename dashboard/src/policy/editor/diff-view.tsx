/** The difference of two texts: CodeMirror's merge view, for reading. Unchanged lines are folded; changed characters are marked. */
import { json } from "@codemirror/lang-json";
import { unifiedMergeView } from "@codemirror/merge";
import { EditorState } from "@codemirror/state";
import { EditorView, lineNumbers } from "@codemirror/view";
import { useEffect, useRef } from "preact/hooks";
import { CODE_THEME } from "./code-theme.ts";

interface Props {
  /** Its accessible name. */
  readonly label: string;
  readonly before: string;
  readonly after: string;
}

/** Lines of context around a change, and the shortest run of lines that is folded. */
const COLLAPSE = { margin: 2, minSize: 5 };
/** A diff of texts that differ in everything would take seconds. */
const MAX_SCAN = 2_000;
const TIMEOUT_MS = 300;

const FOLD = ".cm-collapsedLines";

/** CodeMirror unfolds lines only by a click: this makes buttons of the folds, for the keyboard and for screen readers. */
const FOLDS = [
  EditorState.phrases.of({ "$ unchanged lines": "Show $ unchanged lines" }),
  EditorView.updateListener.of(({ view }) => markFolds(view)),
  EditorView.domEventHandlers({
    keydown: ({ key, target }, view) => {
      if ((key !== "Enter" && key !== " ") || !(target instanceof HTMLElement) || !target.matches(FOLD)) {
        return false;
      }
      const anchor = view.posAtDOM(target);
      target.click();
      // The fold is gone: reading goes on at the lines that were in it.
      view.focus();
      view.dispatch({ selection: { anchor } });
      return true;
    },
  }),
];

/** Folds come and go as the text is scrolled. */
function markFolds({ contentDOM }: EditorView): void {
  for (const fold of contentDOM.querySelectorAll<HTMLElement>(FOLD)) {
    fold.role = "button";
    fold.tabIndex = 0;
  }
}

export function DiffView({ label, before, after }: Props) {
  const host = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const root = element.shadowRoot ?? element.attachShadow({ mode: "open" });
    const view = new EditorView({
      parent: root,
      root,
      state: EditorState.create({
        doc: after,
        extensions: [
          lineNumbers(),
          json(),
          EditorState.readOnly.of(true),
          EditorView.editable.of(false),
          EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" }),
          unifiedMergeView({
            original: before,
            mergeControls: false,
            collapseUnchanged: COLLAPSE,
            diffConfig: { scanLimit: MAX_SCAN, timeout: TIMEOUT_MS },
          }),
          FOLDS,
          CODE_THEME,
        ],
      }),
    });
    markFolds(view);
    return () => view.destroy();
  }, [label, before, after]);
  return <div ref={host} class="code diff" />;
}

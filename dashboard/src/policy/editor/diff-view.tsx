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
          CODE_THEME,
        ],
      }),
    });
    return () => view.destroy();
  }, [label, before, after]);
  return <div ref={host} class="code diff" />;
}

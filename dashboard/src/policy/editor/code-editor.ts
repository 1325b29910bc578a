/**
 * The text editor of the policy: CodeMirror in a shadow root, so that its styles are adopted style sheets, which the CSP allows.
 *
 * Tab is not bound, so it leaves the editor as it leaves any field. Never changes the text unless told to.
 */
import {
  autocompletion,
  closeBrackets,
  closeBracketsKeymap,
  completionKeymap,
} from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { json } from "@codemirror/lang-json";
import { bracketMatching, foldGutter, foldKeymap, indentUnit } from "@codemirror/language";
import { type Diagnostic, lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { Annotation, EditorState, type Extension } from "@codemirror/state";
import {
  EditorView,
  highlightActiveLine,
  highlightActiveLineGutter,
  hoverTooltip,
  keymap,
  lineNumbers,
} from "@codemirror/view";
import { CODE_THEME } from "./code-theme.ts";
import type { TextEdit } from "./json-edits.ts";
import type { JsonSchema } from "./json-schema.ts";
import { completionsAt, hintAt } from "./schema-completion.ts";

export interface EditorOptions {
  /** Its accessible name. */
  readonly label: string;
  readonly text: string;
  /** Called with the text after each change that the person made, in the editor or by {@link CodeEditor.apply}. */
  readonly onInput: (text: string) => void;
}

export interface CodeEditor {
  /** Replaces the text if it differs, without calling `onInput`. It can be undone. */
  readonly setText: (text: string) => void;
  /** Makes changes as if the person had typed them. */
  readonly apply: (edits: readonly TextEdit[]) => void;
  readonly showFaults: (diagnostics: readonly Diagnostic[]) => void;
  /** Completes fields and values by this schema; null completes nothing. */
  readonly setSchema: (schema: JsonSchema | null) => void;
  /** Selects a place, scrolls to it, and takes the focus. */
  readonly goTo: (from: number, to: number) => void;
  readonly close: () => void;
}

/** A change that came from the page. */
const fromPage = Annotation.define<boolean>();

/** Opens an editor in an empty element. Close it before the element is removed. */
export function openEditor(host: HTMLElement, { label, text, onInput }: EditorOptions): CodeEditor {
  let schema: JsonSchema | null = null;
  const loaded = Promise.withResolvers<JsonSchema>();
  const changes = EditorView.updateListener.of((update) => {
    if (!update.docChanged || update.transactions.every((each) => each.annotation(fromPage) === true)) return;
    onInput(update.state.doc.toString());
  });
  const root = host.shadowRoot ?? host.attachShadow({ mode: "open" });
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      doc: text,
      extensions: [EDITING, assistance(() => schema, loaded.promise), changes, named(label), CODE_THEME],
    }),
  });
  return {
    setText: (next) => {
      const edit = shortestEdit(view.state.doc.toString(), next);
      if (edit) view.dispatch({ changes: edit, annotations: fromPage.of(true) });
    },
    apply: (edits) => {
      if (edits.length > 0) view.dispatch({ changes: [...edits], userEvent: "input.type.form" });
    },
    showFaults: (diagnostics) => view.dispatch(setDiagnostics(view.state, diagnostics)),
    setSchema: (next) => {
      schema = next;
      if (next) loaded.resolve(next);
    },
    goTo: (from, to) => {
      const { length } = view.state.doc;
      const [anchor, head] = [Math.min(from, length), Math.min(to, length)];
      view.focus();
      view.dispatch({
        selection: { anchor, head },
        effects: EditorView.scrollIntoView(anchor, { y: "center" }),
      });
    },
    close: () => view.destroy(),
  };
}

/**
 * Replaces a selection with what is typed over it. Otherwise the browser does it, and keeps the style of the deleted text by a style
 * attribute, which the CSP blocks with an error in the console.
 */
const TYPING_OVER = EditorView.domEventHandlers({
  beforeinput: (event, view) => {
    const { data, inputType } = event;
    const { from, to, empty } = view.state.selection.main;
    if (empty || data === null || inputType !== "insertText" || view.composing) return false;
    const typed = () => view.state.update(view.state.replaceSelection(data), { userEvent: "input.type" });
    const isHandled = view.state
      .facet(EditorView.inputHandler)
      .some((handler) => handler(view, from, to, data, typed));
    if (!isHandled) view.dispatch(typed());
    return true;
  },
});

const EDITING: Extension = [
  TYPING_OVER,
  lineNumbers(),
  foldGutter(),
  highlightActiveLine(),
  highlightActiveLineGutter(),
  history(),
  bracketMatching(),
  closeBrackets(),
  json(),
  lintGutter(),
  indentUnit.of("  "),
  EditorState.tabSize.of(2),
  keymap.of([
    ...closeBracketsKeymap,
    ...completionKeymap,
    ...defaultKeymap,
    ...historyKeymap,
    ...foldKeymap,
    ...lintKeymap,
  ]),
];

/** Completion while typing, which waits for the schema, and the description of the field under the pointer. */
function assistance(schemaOf: () => JsonSchema | null, loaded: Promise<JsonSchema>): Extension {
  return [
    autocompletion({
      override: [
        async ({ state, pos, explicit }) => completionsAt(schemaOf() ?? (await loaded), state, pos, explicit),
      ],
      icons: false,
    }),
    hoverTooltip((view, pos) => {
      const hint = hintAt(schemaOf(), view.state, pos);
      if (hint === null) return null;
      return { pos: hint.from, end: hint.to, above: true, create: () => ({ dom: hintBox(hint) }) };
    }),
  ];
}

function hintBox({ name, text }: { readonly name: string; readonly text: string }): HTMLElement {
  const box = document.createElement("div");
  box.className = "cm-hint";
  const title = document.createElement("strong");
  title.textContent = name;
  const words = document.createElement("p");
  words.textContent = text;
  box.append(title, words);
  return box;
}

/** Names the text, and makes it focusable for those who ask by its attributes. */
function named(label: string): Extension {
  return EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0" });
}

/** The replacement without the common beginning and end, so that the caret and the folds stay; null if the texts are equal. */
function shortestEdit(before: string, after: string): TextEdit | null {
  if (before === after) return null;
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && before[head] === after[head]) head += 1;
  let tail = 0;
  while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail += 1;
  return { from: head, to: before.length - tail, insert: after.slice(head, after.length - tail) };
}

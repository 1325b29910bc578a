/** The editor of the policy's text as a component: shows the text and its faults, and passes changes on. */
import type { Diagnostic } from "@codemirror/lint";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type CodeEditor, openEditor } from "./code-editor.ts";
import type { JsonSchema } from "./json-schema.ts";

interface Props {
  readonly text: string;
  readonly onInput: (text: string) => void;
  /** Pass the same list as long as nothing changes. */
  readonly diagnostics: readonly Diagnostic[];
  readonly schema: JsonSchema | null;
  /** Set while the editor is open: for changes by the form, and to go to a place. */
  readonly editor: { current: CodeEditor | null };
}

export function TextEditor({ text, onInput, diagnostics, schema, editor }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const input = useRef(onInput);
  input.current = onInput;
  useLayoutEffect(() => {
    if (!host.current) return;
    const opened = openEditor(host.current, {
      label: "Policy document",
      text,
      onInput: (typed) => input.current(typed),
    });
    editor.current = opened;
    return () => {
      editor.current = null;
      opened.close();
    };
  }, []);
  // In the same task as the key press that led to it: later, it could undo the next one.
  useLayoutEffect(() => editor.current?.setText(text), [text]);
  useEffect(() => editor.current?.showFaults(diagnostics), [diagnostics]);
  useEffect(() => editor.current?.setSchema(schema), [schema]);
  return <div ref={host} class="code editor" />;
}

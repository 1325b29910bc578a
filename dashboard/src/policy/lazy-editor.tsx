/** The parts of the policy screen that need the code of the editor: loaded when one of them is first shown. */
import type { ComponentChildren, ComponentProps } from "preact";
import { useEffect, useState } from "preact/hooks";
import { CodeFailed, Loading } from "../kit/state.tsx";

type EditorCode = typeof import("./policy-editor.ts");

export function LazyWorkbench(props: ComponentProps<EditorCode["Workbench"]>) {
  return <WithEditor rows={12}>{({ Workbench }) => <Workbench {...props} />}</WithEditor>;
}

export function LazyComparison(props: ComponentProps<EditorCode["Comparison"]>) {
  return <WithEditor rows={4}>{({ Comparison }) => <Comparison {...props} />}</WithEditor>;
}

export function LazyRollback(props: ComponentProps<EditorCode["RollbackDialog"]>) {
  return <WithEditor rows={0}>{({ RollbackDialog }) => <RollbackDialog {...props} />}</WithEditor>;
}

interface Props {
  /** The height of what is shown meanwhile. */
  readonly rows: number;
  readonly children: (code: EditorCode) => ComponentChildren;
}

function WithEditor({ rows, children }: Props) {
  const [code, setCode] = useState<EditorCode | null | "failed">(null);
  useEffect(() => {
    let isGone = false;
    import("./policy-editor.ts").then(
      (loaded) => isGone || setCode(loaded),
      () => isGone || setCode("failed"),
    );
    return () => {
      isGone = true;
    };
  }, []);
  if (code === null) return <Loading rows={rows} />;
  if (code !== "failed") return <>{children(code)}</>;
  return <CodeFailed of="the editor" />;
}

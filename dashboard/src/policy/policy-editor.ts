/** All that needs the code of the editor, which is larger than the rest of the page. Import it dynamically only (lazy-editor.tsx). */
export { DiffView } from "./editor/diff-view.tsx";
export { Workbench } from "./workbench.tsx";

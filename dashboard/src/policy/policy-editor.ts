/**
 * All that needs the code of the editor, which is larger than the rest of the page, or is needed only beside it: the changes of a policy
 * in words, its validation and activation. Import it dynamically only (lazy-editor.tsx).
 */
import styles from "./policy-editor.css?inline";

// The page's one style sheet lacks these. Sheets made by scripts are allowed by the CSP, unlike inline ones.
const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
document.adoptedStyleSheets.push(sheet);

export { Comparison } from "./comparison.tsx";
export { RollbackDialog } from "./rollback-dialog.tsx";
export { Workbench } from "./workbench.tsx";

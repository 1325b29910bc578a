/**
 * The policy screen, with the editor, which is larger than the rest of the page. Import it dynamically only (other-screens.ts).
 */
import styles from "./policy-editor.css?inline";

// The page's one style sheet lacks these. Sheets made by scripts are allowed by the CSP, unlike inline ones.
const sheet = new CSSStyleSheet();
sheet.replaceSync(styles);
document.adoptedStyleSheets.push(sheet);

export { PolicyScreen } from "./policy-screen.tsx";

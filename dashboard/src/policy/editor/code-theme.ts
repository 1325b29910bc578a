/**
 * The look of code: the page's colours, which follow its theme. CodeMirror adopts it as a style sheet of the shadow root, which the CSP
 * allows; outside of a shadow root it would add a style element, which the CSP blocks.
 */
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import type { Extension } from "@codemirror/state";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const HIGHLIGHT = HighlightStyle.define([
  { tag: tags.propertyName, color: "var(--accent)" },
  { tag: tags.string, color: "var(--allowed)" },
  { tag: tags.number, color: "var(--denied)" },
  { tag: [tags.bool, tags.null], color: "var(--would-deny)" },
  { tag: [tags.separator, tags.brace, tags.squareBracket], color: "var(--quiet)" },
]);

const THEME = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--surface)", fontSize: "13px", height: "100%" },
  // The element around it shows the focus.
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5", overflow: "auto" },
  ".cm-content": { caretColor: "var(--ink)", padding: "8px 0" },
  ".cm-gutters": {
    backgroundColor: "var(--surface)",
    color: "var(--quiet)",
    borderRight: "1px solid var(--line)",
  },
  ".cm-activeLine": { backgroundColor: "var(--sunken)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--ink)" },
  "&.cm-focused .cm-matchingBracket": {
    backgroundColor: "color-mix(in srgb, var(--accent) 22%, transparent)",
  },
  ".cm-foldPlaceholder": {
    backgroundColor: "transparent",
    border: "1px solid var(--line)",
    color: "var(--quiet)",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--surface)",
    color: "var(--ink)",
    border: "1px solid var(--edge)",
    borderRadius: "6px",
    fontFamily: "var(--sans)",
    fontSize: "13px",
    maxWidth: "26rem",
  },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]": {
    backgroundColor: "var(--accent)",
    color: "var(--accent-ink)",
  },
  ".cm-completionDetail": { fontStyle: "normal", color: "inherit", opacity: "1", marginLeft: "1.5em" },
  ".cm-tooltip.cm-completionInfo, .cm-hint": { padding: "6px 8px", whiteSpace: "normal" },
  ".cm-hint strong": { fontFamily: "var(--mono)", fontWeight: "600" },
  ".cm-hint p": { margin: "2px 0 0" },
  ".cm-diagnostic": { borderLeft: "3px solid var(--error)", padding: "4px 8px" },
  ".cm-diagnostic-warning": { borderLeftColor: "var(--warning)" },
  // The merge view.
  "&.cm-merge-b .cm-changedLine": {
    backgroundColor: "var(--allowed-soft)",
  },
  ".cm-deletedChunk": {
    backgroundColor: "var(--error-soft)",
    paddingLeft: "6px",
  },
  // Underlined, because a darker ground would be too close to the colours of code.
  "&.cm-merge-b .cm-changedText": {
    background: "linear-gradient(var(--allowed), var(--allowed)) bottom/100% 2px no-repeat",
    textDecoration: "none",
  },
  "&.cm-merge-b .cm-deletedChunk .cm-deletedText": {
    background: "linear-gradient(var(--error), var(--error)) bottom/100% 2px no-repeat",
    textDecoration: "none",
  },
  "&.cm-merge-b .cm-changedLineGutter": { backgroundColor: "var(--allowed)" },
  "&.cm-merge-b .cm-deletedLineGutter": { backgroundColor: "var(--error)" },
  ".cm-collapsedLines": {
    background: "var(--sunken)",
    color: "var(--quiet)",
    padding: "4px 8px",
    fontFamily: "var(--sans)",
  },
  ".cm-collapsedLines:focus-visible": { outline: "2px solid var(--accent)", outlineOffset: "-2px" },
  // Its marks are in few fonts.
  ".cm-collapsedLines:before, .cm-collapsedLines:after": { content: "none" },
});

export const CODE_THEME: Extension = [THEME, EditorView.lineWrapping, syntaxHighlighting(HIGHLIGHT)];

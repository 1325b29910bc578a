/** The validation of a policy text, from the text itself and the server's last verdict. Pure. */
import { MAX_DRAFT_LENGTH } from "./draft.ts";
import { type JsonDocument, lineAndColumn, placeOf, readJson } from "./editor/json-document.ts";
import type { PolicyFault, PolicyWarning } from "./activation-api.ts";

/** A fault or a warning, and its place in the text. */
export interface LocatedFault {
  /** "line 3, column 5", or a JSON Pointer. */
  readonly where: string;
  readonly message: string;
  /** What to mark: offsets in the text. */
  readonly from: number;
  readonly to: number;
  /** The line number, from 1. */
  readonly line: number;
}

export interface Validation {
  readonly json: JsonDocument;
  /** Whether the server found this exact text valid. */
  readonly isValid: boolean;
  /** Whether the server's verdict is pending. */
  readonly isChecking: boolean;
  readonly faults: readonly LocatedFault[];
  /** The effects of a valid text on accounts. */
  readonly warnings: readonly PolicyWarning[];
  /** Why the server gave no verdict; null if it did, or if it is pending. */
  readonly failure: string | null;
}

/** The server's verdict on a text, or why there is none. */
export interface ServerVerdict {
  readonly text: string;
  readonly faults: readonly PolicyFault[];
  readonly warnings: readonly PolicyWarning[];
  readonly failure: string | null;
}

/** Parses a draft. A draft too long for a request has its fault where it becomes too long. */
export function readDraft(text: string): JsonDocument {
  return text.length > MAX_DRAFT_LENGTH
    ? {
        ok: false,
        text,
        message: `A policy may have at most ${MAX_DRAFT_LENGTH} characters.`,
        from: MAX_DRAFT_LENGTH,
        to: MAX_DRAFT_LENGTH + 1,
      }
    : readJson(text);
}

/** @param json `text`, parsed. @param verdict the last one: ignored if it is about another text. */
export function validationOf(json: JsonDocument, verdict: ServerVerdict | null): Validation {
  const { text } = json;
  if (!json.ok) {
    const { message, from, to } = json;
    const { line, column } = lineAndColumn(text, from);
    const fault = { where: `line ${line}, column ${column}`, message, from, to, line };
    return { json, isValid: false, isChecking: false, faults: [fault], warnings: [], failure: null };
  }
  if (verdict?.text !== text) {
    return { json, isValid: false, isChecking: true, faults: [], warnings: [], failure: null };
  }
  const faults = verdict.faults.map(({ path, message }): LocatedFault => {
    const { from, valueFrom, to } = placeOf(json.places, path);
    const { line } = lineAndColumn(text, from);
    // Of an object or a list, only its beginning: all of it would be hard to read.
    const end = "{[".includes(text[valueFrom] ?? " ") ? valueFrom + 1 : to;
    return { where: path === "" ? "the document" : path, message, from, to: end, line };
  });
  const { warnings, failure } = verdict;
  const isValid = failure === null && faults.length === 0;
  return { json, isValid, isChecking: false, faults, warnings, failure };
}

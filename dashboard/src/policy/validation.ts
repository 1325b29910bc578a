/** The validation of a policy text, from the text itself and the server's last verdict. Pure. */
import { MAX_DRAFT_LENGTH } from "./draft.ts";
import { type JsonText, lineAndColumn, type Place, placeOf, readJson } from "./json-text.ts";
import type { PolicyFault } from "./policy-api.ts";

/** A fault, and its place in the text. */
export interface LocatedFault {
  /** "line 3, column 5", or a JSON Pointer. */
  readonly where: string;
  readonly message: string;
  readonly place: Place;
  /** The line number, from 1. */
  readonly line: number;
}

export interface Validation {
  readonly json: JsonText;
  /** Whether the server found this exact text valid. */
  readonly isValid: boolean;
  /** Whether the server's verdict is pending. */
  readonly isChecking: boolean;
  readonly faults: readonly LocatedFault[];
  /** The effects of a valid text on accounts. */
  readonly warnings: readonly PolicyFault[];
  /** Why the server gave no verdict; null if it did, or if it is pending. */
  readonly failure: string | null;
}

/** The server's verdict on a text, or why there is none. */
export interface ServerVerdict {
  readonly text: string;
  readonly faults: readonly PolicyFault[];
  readonly warnings: readonly PolicyFault[];
  readonly failure: string | null;
}

/** Parses a draft. A draft too long for a request has its fault where it becomes too long. */
export function readDraft(text: string): JsonText {
  return text.length > MAX_DRAFT_LENGTH
    ? {
        ok: false,
        message: `A policy may have at most ${MAX_DRAFT_LENGTH} characters.`,
        offset: MAX_DRAFT_LENGTH,
      }
    : readJson(text);
}

/** @param json `text`, parsed. @param verdict the last one: ignored if it is about another text. */
export function validationOf(text: string, json: JsonText, verdict: ServerVerdict | null): Validation {
  if (!json.ok) {
    const place = { start: json.offset, end: Math.min(text.length, json.offset + 1) };
    const { line, column } = lineAndColumn(text, json.offset);
    const fault = { where: `line ${line}, column ${column}`, message: json.message, place, line };
    return { json, isValid: false, isChecking: false, faults: [fault], warnings: [], failure: null };
  }
  if (verdict?.text !== text) {
    return { json, isValid: false, isChecking: true, faults: [], warnings: [], failure: null };
  }
  const faults = verdict.faults.map(({ path, message }) => {
    const place = placeOf(json.places, path);
    const { line } = lineAndColumn(text, place.start);
    return { where: path === "" ? "the document" : path, message, place, line };
  });
  const { warnings, failure } = verdict;
  const isValid = failure === null && faults.length === 0;
  return { json, isValid, isChecking: false, faults, warnings, failure };
}

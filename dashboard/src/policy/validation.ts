/** What is known of a text as a policy, from the text itself and from the server's last answer. Pure. */
import { LONGEST_DRAFT } from "./draft.ts";
import { type JsonText, lineAndColumn, type Place, placeOf, readJson } from "./json-text.ts";
import type { PolicyFault, Verdict } from "./policy-api.ts";

export interface FoundFault {
  /** "line 3, column 5", or a JSON Pointer. */
  readonly where: string;
  readonly message: string;
  readonly place: Place;
  /** From 1. */
  readonly line: number;
}

export interface Validation {
  readonly json: JsonText;
  /** Whether the server has found this very text valid. */
  readonly isValid: boolean;
  /** Whether the server's answer is still to come. */
  readonly isChecking: boolean;
  readonly faults: readonly FoundFault[];
  /** Of a valid text: what it would do to accounts. */
  readonly warnings: readonly PolicyFault[];
  /** Why the server could not be asked; null where it could. */
  readonly unknown: string | null;
}

/** What the server said, or why it said nothing, of the text that it was asked about. */
export interface Answer extends Verdict {
  readonly text: string;
  readonly unknown: string | null;
}

/** A draft as JSON; one that no request could carry is at fault where it becomes too long. */
export function readDraft(text: string): JsonText {
  return text.length > LONGEST_DRAFT
    ? { ok: false, message: `A policy is no longer than ${LONGEST_DRAFT} characters.`, offset: LONGEST_DRAFT }
    : readJson(text);
}

/** @param json what `text` was read as. @param answer of any text: one about another text says nothing of this. */
export function validationOf(text: string, json: JsonText, answer: Answer | null): Validation {
  if (!json.ok) {
    const place = { start: json.offset, end: Math.min(text.length, json.offset + 1) };
    const { line, column } = lineAndColumn(text, json.offset);
    const fault = { where: `line ${line}, column ${column}`, message: json.message, place, line };
    return { json, isValid: false, isChecking: false, faults: [fault], warnings: [], unknown: null };
  }
  if (answer?.text !== text) {
    return { json, isValid: false, isChecking: true, faults: [], warnings: [], unknown: null };
  }
  const faults = answer.faults.map(({ path, message }) => {
    const place = placeOf(json.places, path);
    const { line } = lineAndColumn(text, place.start);
    return { where: path === "" ? "the document" : path, message, place, line };
  });
  const isValid = answer.unknown === null && faults.length === 0;
  return { json, isValid, isChecking: false, faults, warnings: answer.warnings, unknown: answer.unknown };
}

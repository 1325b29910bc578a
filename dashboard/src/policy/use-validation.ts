/**
 * Whether a text is a policy, told while it is typed: at once where it is not JSON, by the server's own rules when the typing pauses.
 * One question at a time; an answer about an older text is never shown as one about this.
 */
import { useEffect, useMemo, useState } from "preact/hooks";
import { usePage } from "../shell/page.tsx";
import { LONGEST_DRAFT } from "./draft.ts";
import { type JsonText, lineAndColumn, placeOf, readJson, type Place } from "./json-text.ts";
import { type PolicyFault, validate } from "./policy-api.ts";

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
  /** Why the server could not be asked; null where it could. */
  readonly unknown: string | null;
}

interface Answer {
  readonly text: string;
  readonly faults: readonly PolicyFault[];
  readonly unknown: string | null;
}

const PAUSE_MS = 350;
const AGAIN_MS = 5_000;

/** @param text null asks nothing. */
export function useValidation(text: string | null): Validation | null {
  const { signedOut } = usePage();
  const [answer, setAnswer] = useState<Answer | null>(null);
  const json = useMemo(() => (text === null ? null : read(text)), [text]);
  const isAnswered = answer !== null && answer.text === text;
  const isFailed = isAnswered && answer.unknown !== null;
  useEffect(() => {
    if (text === null || !json?.ok || (isAnswered && !isFailed)) return;
    const gone = new AbortController();
    const ask = async (): Promise<void> => {
      const outcome = await validate(json.value, gone.signal);
      if (gone.signal.aborted) return;
      if (outcome.kind === "signed-out") return signedOut();
      const faults = outcome.kind === "ok" ? outcome.value : [];
      setAnswer({ text, faults, unknown: outcome.kind === "ok" ? null : outcome.detail });
    };
    const timer = setTimeout(() => void ask(), isFailed ? AGAIN_MS : PAUSE_MS);
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
    // `answer` anew after each failure asks again.
  }, [text, json, isAnswered, isFailed, isFailed ? answer : null]);
  return useMemo(() => {
    if (text === null || json === null) return null;
    if (!json.ok) {
      const place = { start: json.offset, end: Math.min(text.length, json.offset + 1) };
      const { line, column } = lineAndColumn(text, json.offset);
      const fault = { where: `line ${line}, column ${column}`, message: json.message, place, line };
      return { json, isValid: false, isChecking: false, faults: [fault], unknown: null };
    }
    const faults = (isAnswered ? answer.faults : []).map(({ path, message }) => {
      const place = placeOf(json.places, path);
      const { line } = lineAndColumn(text, place.start);
      return { where: path === "" ? "the document" : path, message, place, line };
    });
    return {
      json,
      isValid: isAnswered && !isFailed && faults.length === 0,
      isChecking: !isAnswered,
      faults,
      unknown: isAnswered ? answer.unknown : null,
    };
  }, [text, json, answer, isAnswered, isFailed]);
}

function read(text: string): JsonText {
  return text.length > LONGEST_DRAFT
    ? { ok: false, message: `A policy is no longer than ${LONGEST_DRAFT} characters.`, offset: LONGEST_DRAFT }
    : readJson(text);
}

/**
 * Whether a text is a policy, told while it is typed: at once where it is not JSON, by the server's own rules when the typing pauses.
 * One question at a time; what could not be asked is asked again.
 */
import { useEffect, useMemo, useState } from "preact/hooks";
import { usePage } from "../shell/page.tsx";
import { validate } from "./policy-api.ts";
import { type Answer, readDraft, type Validation, validationOf } from "./validation.ts";

const PAUSE_MS = 350;
const AGAIN_MS = 5_000;

/** @param text null asks nothing. */
export function useValidation(text: string | null): Validation | null {
  const { signedOut } = usePage();
  const [answer, setAnswer] = useState<Answer | null>(null);
  const json = useMemo(() => (text === null ? null : readDraft(text)), [text]);
  const known = answer?.text === text ? answer : null;
  useEffect(() => {
    if (text === null || !json?.ok || known?.unknown === null) return;
    const gone = new AbortController();
    const ask = async (): Promise<void> => {
      const outcome = await validate(json.value, gone.signal);
      if (gone.signal.aborted) return;
      if (outcome.kind === "signed-out") return signedOut();
      // Too many requests: this text is checked again later.
      if (outcome.kind === "failed" && outcome.status === 429) {
        timer = setTimeout(() => void ask(), outcome.retryAfterMs ?? AGAIN_MS);
        return;
      }
      const verdict = outcome.kind === "ok" ? outcome.value : { faults: [], warnings: [] };
      setAnswer({ text, ...verdict, unknown: outcome.kind === "ok" ? null : outcome.detail });
    };
    let timer = setTimeout(() => void ask(), known === null ? PAUSE_MS : AGAIN_MS);
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [text, json, known]);
  return useMemo(
    () => (text === null || json === null ? null : validationOf(text, json, known)),
    [text, json, known],
  );
}

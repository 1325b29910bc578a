/**
 * Validates a policy while it is typed: JSON faults at once, faults by the server's rules when the typing pauses. One request at a
 * time; a failed request is retried.
 */
import { useEffect, useMemo, useState } from "preact/hooks";
import { usePage } from "../shell/page.tsx";
import { validate } from "./activation-api.ts";
import { readDraft, type ServerVerdict, type Validation, validationOf } from "./validation.ts";

const PAUSE_MS = 350;
const RETRY_MS = 5_000;

/** @param text null validates nothing. */
export function useValidation(text: string | null): Validation | null {
  const { signedOut } = usePage();
  const [verdict, setVerdict] = useState<ServerVerdict | null>(null);
  const json = useMemo(() => (text === null ? null : readDraft(text)), [text]);
  const known = verdict?.text === text ? verdict : null;
  useEffect(() => {
    if (text === null || !json?.ok || known?.failure === null) return;
    const gone = new AbortController();
    const ask = async (): Promise<void> => {
      const outcome = await validate(json.value, gone.signal);
      if (gone.signal.aborted) return;
      if (outcome.kind === "signed-out") return signedOut();
      // Too many requests: check this text later.
      if (outcome.kind === "failed" && outcome.status === 429) {
        timer = setTimeout(() => void ask(), outcome.retryAfterMs ?? RETRY_MS);
        return;
      }
      setVerdict(
        outcome.kind === "ok"
          ? { text, faults: outcome.value.errors, warnings: outcome.value.warnings, failure: null }
          : { text, faults: [], warnings: [], failure: outcome.detail },
      );
    };
    let timer = setTimeout(() => void ask(), known === null ? PAUSE_MS : RETRY_MS);
    return () => {
      clearTimeout(timer);
      gone.abort();
    };
  }, [text, json, known]);
  return useMemo(() => (json === null ? null : validationOf(json, known)), [text, json, known]);
}

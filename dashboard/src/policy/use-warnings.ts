/** Validates a document once: for the effects of a policy that is about to be activated. */
import { useEffect, useState } from "preact/hooks";
import { usePage } from "../shell/page.tsx";
import { type PolicyWarning, validate } from "./activation-api.ts";

/** The warnings; null until they are known, or if the document would not be accepted as a new one. */
export function useWarnings(document: unknown): readonly PolicyWarning[] | null {
  const { signedOut } = usePage();
  const [warnings, setWarnings] = useState<readonly PolicyWarning[] | null>(null);
  useEffect(() => {
    if (document === undefined) return;
    const gone = new AbortController();
    const ask = async (): Promise<void> => {
      const outcome = await validate(document, gone.signal);
      if (gone.signal.aborted) return;
      if (outcome.kind === "signed-out") return signedOut();
      setWarnings(outcome.kind === "ok" ? outcome.value.warnings : null);
    };
    void ask();
    return () => gone.abort();
  }, [document]);
  return warnings;
}

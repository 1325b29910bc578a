/** What a change of tier would do, computed by the API whenever another change is chosen. */
import { useEffect, useState } from "preact/hooks";
import { type ApiOutcome, call } from "../shell/api-client.ts";
import { accountPath } from "./account-api.ts";
import { parsePreview, type Preview } from "./billing-api.ts";

/** Null until it is known. @param id null: nothing is asked. @param at "": the API decides when the change takes effect. */
export function usePreview(id: string | null, tier: string, at: string): ApiOutcome<Preview> | null {
  const [preview, setPreview] = useState<ApiOutcome<Preview> | null>(null);
  useEffect(() => {
    if (id === null) return;
    const gone = new AbortController();
    setPreview(null);
    const body = { tier, ...(at === "" ? {} : { at }) };
    void call("POST", `${accountPath(id)}/tier/preview`, parsePreview, { body, signal: gone.signal }).then(
      (outcome) => gone.signal.aborted || setPreview(outcome),
    );
    return () => gone.abort();
  }, [id, tier, at]);
  return preview;
}

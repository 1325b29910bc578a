/** The policy's JSON schema, loaded once for the page: it changes only with the Worker. */
import { useEffect, useState } from "preact/hooks";
import { type JsonSchema, loadSchema } from "./editor/json-schema.ts";

let loaded: JsonSchema | null = null;

/** Null until it is loaded, or if it cannot be: completion and hints are missing then. */
export function useSchema(): JsonSchema | null {
  const [schema, setSchema] = useState(loaded);
  useEffect(() => {
    if (loaded !== null) return;
    const gone = new AbortController();
    void loadSchema(gone.signal).then((outcome) => {
      if (outcome.kind !== "ok" || gone.signal.aborted) return;
      loaded = outcome.value;
      setSchema(loaded);
    });
    return () => gone.abort();
  }, []);
  return schema;
}

/** A screen whose code is loaded when it is opened. Says what to do if it cannot be loaded. */
import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { CodeFailed, Loading } from "../kit/state.tsx";

interface Props {
  readonly title: string;
  /** Must be the same function as long as the screen is the same. */
  readonly load: () => Promise<ComponentType>;
}

type Loaded = { readonly Component: ComponentType } | "loading" | "failed";

/** Nothing is shown for as long, so that a screen which is loaded already does not flicker. */
const QUIET_MS = 120;

export function LazyScreen({ title, load }: Props) {
  const [loaded, setLoaded] = useState<Loaded>("loading");
  const [isSlow, setSlow] = useState(false);
  useEffect(() => {
    let isCurrent = true;
    const timer = window.setTimeout(() => setSlow(true), QUIET_MS);
    load().then(
      (Component) => isCurrent && setLoaded({ Component }),
      () => isCurrent && setLoaded("failed"),
    );
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [load]);
  if (typeof loaded === "object") return <loaded.Component />;
  if (loaded === "loading" && !isSlow) return null;
  return (
    <>
      <h1>{title}</h1>
      {loaded === "loading" ? <Loading rows={6} /> : <CodeFailed of="this screen" />}
    </>
  );
}

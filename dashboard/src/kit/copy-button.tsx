/** Copies a text, and says whether it worked. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";

interface Props {
  readonly text: string;
  /** What is copied, such as "Copy as curl". */
  readonly label: string;
  /** Only the icon; the label is its name for screen readers and on hover. */
  readonly isShort?: boolean;
}

const SHOWN_MS = 2_000;

export function CopyButton({ text, label, isShort = false }: Props) {
  const [state, setState] = useState<"ready" | "copied" | "failed">("ready");
  const timer = useRef(0);
  useEffect(() => () => clearTimeout(timer.current), []);
  const show = (result: "copied" | "failed") => {
    setState(result);
    clearTimeout(timer.current);
    timer.current = window.setTimeout(() => setState("ready"), SHOWN_MS);
  };
  const copy = () =>
    // Without a secure context, there is no clipboard.
    (navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"))).then(
      () => show("copied"),
      () => show("failed"),
    );
  const said = { ready: label, copied: "Copied", failed: "Select and copy it by hand" }[state];
  return (
    <>
      <button
        type="button"
        class={isShort ? "plain" : ""}
        aria-label={label}
        title={isShort ? said : undefined}
        onClick={() => void copy()}
      >
        <Icon name={state === "copied" ? "check" : "copy"} />
        {!isShort && said}
      </button>
      <span class="unseen" role="status">
        {state === "ready" ? "" : said}
      </span>
    </>
  );
}

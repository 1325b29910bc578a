/** Chooses the time range of a screen, which is kept in its URL: a length until now, a custom range, or the next longer one. */
import { useRef } from "preact/hooks";
import { Icon } from "../kit/icon.tsx";
import { range as rangeText } from "./format.ts";
import { VIEWER_ZONE } from "./moment.ts";
import { usePage } from "./page.tsx";
import { changed } from "./page-address.ts";
import "./range-control.css";
import {
  betweenLocal,
  boundsOf,
  LENGTHS,
  localText,
  paramsOf,
  rangeOf,
  type TimeRange,
  zoomedOut,
} from "./time-range.ts";

interface Props {
  /** The URL's parameters that another range makes meaningless, such as a cursor. */
  readonly clears?: readonly string[];
  /** The range if the URL has none; the last hour without it. */
  readonly usual?: TimeRange;
}

export function RangeControl({ clears = [], usual }: Props) {
  const { address, go } = usePage();
  const range = rangeOf(address.params, usual);
  const choose = (to: TimeRange) => {
    const cleared = Object.fromEntries(clears.map((name) => [name, ""]));
    go(changed(address, { ...cleared, ...paramsOf(to) }));
  };
  return (
    <div class="ranges" role="group" aria-label="Time range">
      {LENGTHS.map((length) => (
        <button
          key={length.name}
          type="button"
          aria-pressed={range.kind === "last" && range.name === length.name}
          aria-label={`${length.name}, the last ${length.title}`}
          onClick={() => choose(length)}
        >
          {length.name}
        </button>
      ))}
      <CustomRange key={JSON.stringify(paramsOf(range))} range={range} onChoose={choose} />
      <button
        type="button"
        aria-label="Zoom out"
        title="Zoom out"
        onClick={() => choose(zoomedOut(range, Date.now()))}
      >
        <Icon name="zoom-out" />
      </button>
    </div>
  );
}

interface CustomProps {
  readonly range: TimeRange;
  readonly onChoose: (to: TimeRange) => void;
}

function CustomRange({ range, onChoose }: CustomProps) {
  const details = useRef<HTMLDetailsElement>(null);
  const [fromMs, toMs] = boundsOf(range, Date.now());
  const isCustom = range.kind === "between";
  const submit = (event: SubmitEvent & { readonly currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const to = betweenLocal(String(fields.get("from")), String(fields.get("to")));
    const until = event.currentTarget.elements.namedItem("to");
    if (to) onChoose(to);
    else if (until instanceof HTMLInputElement) {
      until.setCustomValidity(
        "Enter times such as 2026-11-30 14:05:07, the end at most 93 days after the start.",
      );
      until.reportValidity();
    }
  };
  const reset = (event: Event & { readonly currentTarget: HTMLInputElement }) => {
    for (const input of event.currentTarget.form?.querySelectorAll("input") ?? [])
      input.setCustomValidity("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !details.current?.open) return;
    details.current.open = false;
    details.current.querySelector("summary")?.focus();
  };
  return (
    <details ref={details} class="menu" onKeyDown={onKeyDown}>
      <summary class={isCustom ? "button is-current" : "button"}>
        {isCustom ? rangeText(fromMs, toMs) : "Custom"}
        <Icon name="chevron-down" />
      </summary>
      <form class="menu-content" onSubmit={submit}>
        <label>
          From
          <input name="from" required autocomplete="off" defaultValue={localText(fromMs)} onInput={reset} />
        </label>
        <label>
          To
          <input name="to" required autocomplete="off" defaultValue={localText(toMs)} onInput={reset} />
        </label>
        <p class="caption">24 hours, in {VIEWER_ZONE}</p>
        <button class="primary">Show</button>
      </form>
    </details>
  );
}

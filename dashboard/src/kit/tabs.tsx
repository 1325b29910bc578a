/** Views of one thing, one at a time. The caller keeps the current one in the URL. Arrow keys move between the tabs. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import "./tabs.css";

export interface Tab {
  readonly name: string;
  readonly title: string;
  /** How many things the view has; nothing is shown without it. */
  readonly count?: number;
}

interface Props {
  /** What the tabs are views of. */
  readonly label: string;
  readonly tabs: readonly Tab[];
  readonly current: string;
  readonly onPick: (name: string) => void;
  /** The current view. */
  readonly children: ComponentChildren;
}

export function Tabs({ label, tabs, current, onPick, children }: Props) {
  const id = useId();
  const at = Math.max(
    0,
    tabs.findIndex(({ name }) => name === current),
  );
  const onKeyDown = (event: KeyboardEvent & { readonly currentTarget: HTMLElement }) => {
    const last = tabs.length - 1;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last }[event.key];
    const next = to === undefined ? undefined : tabs[to > last ? 0 : to < 0 ? last : to];
    if (!next) return;
    event.preventDefault();
    onPick(next.name);
    event.currentTarget.querySelector<HTMLElement>(`[data-name="${CSS.escape(next.name)}"]`)?.focus();
  };
  return (
    <>
      <div class="tabs" role="tablist" aria-label={label} onKeyDown={onKeyDown}>
        {tabs.map(({ name, title, count }, i) => (
          <button
            key={name}
            type="button"
            role="tab"
            id={`${id}-${i}`}
            data-name={name}
            aria-selected={i === at}
            aria-controls={`${id}-panel`}
            tabIndex={i === at ? 0 : -1}
            onClick={() => onPick(name)}
          >
            {title}
            {count !== undefined && <span class="tab-count">{count}</span>}
          </button>
        ))}
      </div>
      <div role="tabpanel" id={`${id}-panel`} aria-labelledby={`${id}-${at}`}>
        {children}
      </div>
    </>
  );
}

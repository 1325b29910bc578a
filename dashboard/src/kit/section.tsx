/** A panel of a screen: a heading, actions beside it, and content. A region named by its heading. */
import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";
import "./section.css";

interface Props {
  readonly title: string;
  /** What the heading cannot say, in a few words. */
  readonly detail?: ComponentChildren;
  /** Links or buttons at the end of the heading's line. */
  readonly actions?: ComponentChildren;
  readonly children: ComponentChildren;
}

export function Section({ title, detail, actions, children }: Props) {
  const id = useId();
  return (
    <section class="section" aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {detail !== undefined && <span class="caption">{detail}</span>}
        {actions !== undefined && <div class="section-actions">{actions}</div>}
      </header>
      {children}
    </section>
  );
}

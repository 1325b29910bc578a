/**
 * A dense table that scrolls sideways when it is wider than its place, and then says so. It can be scrolled by keyboard. Classes of
 * cells: `num` for figures, `when` for times, `name` for a column that takes the room that is left.
 */
import type { ComponentChildren, VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Link } from "../shell/page.tsx";
import type { PageAddress } from "../shell/page-address.ts";
import { Icon } from "./icon.tsx";
import "./table.css";
import type { Tone } from "./tone.ts";

/** The head of a column: its title, the class of its cells, and what it says when the pointer rests on it. Or a `SortHeader`. */
export type Head = string | readonly [title: ComponentChildren, kind?: string, hint?: string] | VNode;

/** The head of a column of buttons and links. */
export const ACTIONS: Head = [<span class="unseen">Actions</span>];

interface Props {
  /** What the table lists. */
  readonly label: string;
  readonly heads: readonly Head[];
  /** A class of the table. */
  readonly kind?: string;
  readonly caption?: ComponentChildren;
  /** The rows. */
  readonly children: ComponentChildren;
}

export function Table({ label, heads, kind = "", caption, children }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const [isCut, setCut] = useState(false);
  const [isAtEnd, setAtEnd] = useState(false);
  useEffect(() => {
    const { current } = host;
    const table = current?.firstElementChild;
    if (!current || !table) return;
    const measure = () => {
      const hidden = current.scrollWidth - current.clientWidth;
      setCut(hidden > 1);
      setAtEnd(current.scrollLeft >= hidden - 1);
    };
    const sizes = new ResizeObserver(measure);
    sizes.observe(current);
    sizes.observe(table);
    current.addEventListener("scroll", measure, { passive: true });
    return () => {
      sizes.disconnect();
      current.removeEventListener("scroll", measure);
    };
  }, []);
  return (
    <div class={isCut && !isAtEnd ? "table cut" : "table"}>
      <div ref={host} class="table-scroll" role="group" aria-label={label} tabIndex={isCut ? 0 : undefined}>
        <table class={`data ${kind}`}>
          {caption !== undefined && <caption>{caption}</caption>}
          <thead>
            <tr>{heads.map(headCell)}</tr>
          </thead>
          <tbody>{children}</tbody>
        </table>
      </div>
      {isCut && (
        <p class="table-hint caption">
          {isAtEnd ? "Scroll back for the first columns" : "Scroll sideways for more columns"}
          <Icon name="chevron-right" />
        </p>
      )}
    </div>
  );
}

function headCell(head: Head) {
  if (typeof head === "object" && "type" in head) return head;
  const [title, kind, hint] = typeof head === "string" ? [head] : head;
  return (
    <th scope="col" class={kind} title={hint}>
      {title}
    </th>
  );
}

interface FigureProps {
  readonly children: ComponentChildren;
  /** What is behind the figure; null if nothing is. */
  readonly to?: PageAddress | null | undefined;
  readonly tone?: Tone | undefined;
}

/** A cell with a figure, which leads to what is behind it. */
export function Figure({ children, to, tone }: FigureProps) {
  return (
    <td class={to === null ? "num quiet" : "num"} data-tone={tone}>
      {to ? <Link to={to}>{children}</Link> : children}
    </td>
  );
}

interface SortHeaderProps {
  readonly children: ComponentChildren;
  /** The order of the rows by this column; null if they are ordered by another. */
  readonly order: "ascending" | "descending" | null;
  readonly onSort: () => void;
  /** For columns of figures. */
  readonly isNumber?: boolean;
}

/** The head of a column that the rows can be ordered by. */
export function SortHeader({ children, order, onSort, isNumber = false }: SortHeaderProps) {
  return (
    <th scope="col" class={isNumber ? "num" : ""} aria-sort={order ?? "none"}>
      <button type="button" class="sort" onClick={onSort}>
        {children}
        {order !== null && <Icon name={order === "ascending" ? "sort-up" : "sort-down"} />}
      </button>
    </th>
  );
}

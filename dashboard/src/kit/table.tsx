/**
 * A dense table that scrolls sideways when it is wider than its place, and then says so. It can be scrolled by keyboard. Classes of
 * cells: `num` for figures, `when` for times, `name` for a column that takes the room that is left.
 */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";
import "./table.css";

interface Props {
  /** What the table lists. */
  readonly label: string;
  /** A `<table class="data">`. */
  readonly children: ComponentChildren;
}

export function TableScroll({ label, children }: Props) {
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
        {children}
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

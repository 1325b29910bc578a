/** A figure with its trend, which leads to what is behind it. Lives in `Tiles`. */
import type { ComponentChildren } from "preact";
import { Link } from "../shell/page.tsx";
import type { PageAddress } from "../shell/page-address.ts";
import { Sparkline } from "./sparkline.tsx";
import "./tile.css";
import type { Tone } from "./tone.ts";

/** A change against the period before, such as "+12 %". */
export interface Delta {
  readonly text: string;
  readonly tone: Tone;
}

interface Props {
  readonly name: string;
  /** With its unit. */
  readonly value: string;
  /** A second figure, in a few words. */
  readonly detail?: ComponentChildren;
  /** Null, or without it: nothing is known of the period before, and nothing is shown. */
  readonly delta?: Delta | null;
  /** The trend, oldest first. */
  readonly spark?: readonly (number | null)[] | undefined;
  /** Of the trend and, unless it is "info" or "neutral", of the value. */
  readonly tone?: Tone;
  /** What is behind the figure. The whole tile is the link. */
  readonly to?: PageAddress;
}

export function Tile({ name, value, detail, delta = null, spark, tone = "info", to }: Props) {
  return (
    <div class="tile" data-tone={tone}>
      <dt>{to ? <Link to={to}>{name}</Link> : name}</dt>
      <dd>
        <span class="tile-line">
          <strong>{value}</strong>
          {delta !== null && (
            <span class="tile-delta" data-tone={delta.tone}>
              {delta.text}
            </span>
          )}
        </span>
        {detail !== undefined && <span class="caption">{detail}</span>}
        {spark !== undefined && <Sparkline values={spark} label={`${name} over time`} tone={tone} />}
      </dd>
    </div>
  );
}

/** A row of tiles. */
export function Tiles({ children }: { readonly children: ComponentChildren }) {
  return <dl class="tiles">{children}</dl>;
}

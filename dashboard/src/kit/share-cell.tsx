/** A cell of a table with a share of a whole: the figure, and a bar beside it where there is room. */
import { percent } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
import type { PageAddress } from "../shell/page-address.ts";
import "./share-cell.css";
import type { Tone } from "./tone.ts";

interface Props {
  /** From 0 to 1. */
  readonly share: number;
  readonly tone?: Tone;
  /** What is behind the figure. */
  readonly to?: PageAddress;
}

export function ShareCell({ share, tone = "info", to }: Props) {
  const figure = percent(share, 1);
  return (
    <td class="share">
      <div>
        <span>{to ? <Link to={to}>{figure}</Link> : figure}</span>
        <svg data-tone={tone} viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
          <rect class="ground" width="100" height="6" />
          <rect class="part" width={100 * Math.min(1, Math.max(0, share))} height="6" />
        </svg>
      </div>
    </td>
  );
}

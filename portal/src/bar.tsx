/** A bar of shares of a whole. Decoration: the text beside it says the same. */

interface Part {
  /** From 0 to 1. */
  readonly share: number;
  readonly kind: "used" | "over";
}

interface Props {
  /** Drawn side by side, from the left. */
  readonly parts: readonly Part[];
  /** The position of a vertical line, from 0 to 1. */
  readonly mark?: number | null;
}

const WIDTH = 1_000;
const HEIGHT = 10;

export function Bar({ parts, mark = null }: Props) {
  let at = 0;
  return (
    <svg class="share-bar" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <rect class="ground" width={WIDTH} height={HEIGHT} />
      {parts.map(({ share, kind }) => {
        const x = at;
        at += share * WIDTH;
        return <rect key={kind} class={kind} x={x} width={share * WIDTH} height={HEIGHT} />;
      })}
      {mark !== null && <path d={`M${mark * WIDTH},0V${HEIGHT}`} />}
    </svg>
  );
}

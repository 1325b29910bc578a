/** The former name of {@link When}. */
import { When } from "../kit/time.tsx";

interface Props {
  readonly at: string | number;
  /** Only the time of day. */
  readonly short?: boolean;
}

export function Time({ at, short = false }: Props) {
  return <When iso={at} isShort={short} />;
}

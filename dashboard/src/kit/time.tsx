/** A moment in the viewer's time zone, 24 hours; in UTC, with the zone's name, on hover. */
import { clockText, momentText, utcText } from "../shell/moment.ts";

interface Props {
  /** ISO 8601, or Unix time in milliseconds. */
  readonly iso: string | number;
  /** Only the time of day, for lists of one day. */
  readonly isShort?: boolean;
}

export function When({ iso, isShort = false }: Props) {
  const ms = new Date(iso).getTime();
  if (Number.isNaN(ms)) return <span>–</span>;
  return (
    <time class="when" dateTime={new Date(ms).toISOString()} title={utcText(ms)}>
      {isShort ? clockText(ms) : momentText(ms, Date.now())}
    </time>
  );
}

/** A moment in the viewer's time zone; in UTC on hover. */

const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });

interface Props {
  /** ISO 8601, or Unix time in milliseconds. */
  readonly at: string | number;
  /** Only the time of day. */
  readonly short?: boolean;
}

export function Time({ at, short = false }: Props) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return <span>–</span>;
  const utc = date.toISOString();
  return (
    <time dateTime={utc} title={`${utc.replace("T", " ").replace("Z", "")} UTC`}>
      {(short ? CLOCK : FULL).format(date)}
    </time>
  );
}

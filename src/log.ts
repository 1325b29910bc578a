/**
 * Structured logs: one JSON object per line and event.
 *
 * Never contains a secret: no key, token, body or header goes into a field.
 */
export type LogLevel = "debug" | "info" | "warn" | "error";

const RANK: Record<LogLevel, number> = { debug: 0, info: 1, warn: 2, error: 3 };

/** Longer values are truncated, so that a hostile path or user id cannot inflate a line. */
const MAX_VALUE_LENGTH = 256;

export type LogFields = Readonly<Record<string, string | number | boolean | null | undefined>>;

/** Writes one event. `event` is a fixed word. */
export type Log = (level: LogLevel, event: string, fields?: LogFields) => void;

/** A log that drops events below the level `min`. */
export function createLog(min: LogLevel): Log {
  return (level, event, fields = {}) => {
    if (RANK[level] < RANK[min]) return;
    const line: Record<string, unknown> = { time: new Date().toISOString(), level, event };
    for (const [name, value] of Object.entries(fields)) {
      line[name] = typeof value === "string" ? value.slice(0, MAX_VALUE_LENGTH) : value;
    }
    console[level](JSON.stringify(line));
  };
}

/** The message of a thrown value, for a log line; never for a client. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : String(thrown);
}

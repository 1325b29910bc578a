/** Why an export stops, in words for its operator: what is wrong, and what to do. Never holds a password or a token. */

export class Failure extends Error {
  override readonly name = "Failure";
  /** Whether the same may work in a moment. */
  readonly isPassing: boolean;
  /** How long the other side asks to wait; null: it does not say. */
  readonly retryAfterMs: number | null;

  constructor(
    message: string,
    { isPassing = false, retryAfterMs = null }: { isPassing?: boolean; retryAfterMs?: number | null } = {},
  ) {
    super(message);
    this.isPassing = isPassing;
    this.retryAfterMs = retryAfterMs;
  }
}

/** A wrong command line or environment: exit code 2, with the help. */
export class UsageFault extends Error {
  override readonly name = "UsageFault";
}

/** A URL as it may be shown: without user, password and parameters. */
export function shownUrl(url: URL): string {
  const { protocol, host, pathname } = url;
  return `${protocol}//${host}${pathname === "/" ? "" : pathname}`;
}

/** Who changed something, and why. Every change of an account or a policy carries it into the audit trail. */
export interface Change {
  /** The administrator's name. */
  readonly actor: string;
  /** "" if they gave none. */
  readonly reason: string;
  /** Identifies the call: the same call again changes nothing, and is acknowledged as the first one. */
  readonly callId?: string;
}

/** Who changed something, and why. Every change of an account or a policy carries it into the audit trail. */
export interface Change {
  /** The administrator's name. */
  readonly actor: string;
  /** "" if they gave none. */
  readonly reason: string;
  /** Identifies the call: the same call again changes nothing, and is acknowledged as the first one. */
  readonly callId?: string;
  /** What the call asks for: the same id with another fingerprint is another call. Edges of an older version leave it out. */
  readonly fingerprint?: string;
  /** The id of the customer's session: without it in force, nothing is changed. Left out for administrators. */
  readonly session?: string;
}

/** Nothing was changed: the id of the call is that of an earlier one, which asked for something else; or the session does not allow it. */
export interface CallDiffers {
  readonly kind: "call-differs";
  /** The session has ended, or its account was blocked. */
  readonly session?: "ended";
}

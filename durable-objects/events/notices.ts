/**
 * What is reported once: a key that will expire, a credit that has expired, a threshold of a billing period, the hour of the last denial.
 * Written in the transaction of the event. Read when it is first needed, since most objects report nothing of the kind.
 */
export type NoticeKind = "key" | "credit" | "alert" | "denial";

interface Row extends Record<string, SqlStorageValue> {
  subject: string;
  at_ms: number;
}

export class Notices {
  readonly #sql: SqlStorage;
  readonly #known = new Map<NoticeKind, Map<string, number>>();

  constructor(sql: SqlStorage) {
    this.#sql = sql;
  }

  /** The moment that was noted for the subject; null: none. Call only if there are tables. */
  atMs(kind: NoticeKind, subject: string): number | null {
    return this.#of(kind).get(subject) ?? null;
  }

  /** Call in the transaction of the event. */
  note(kind: NoticeKind, subject: string, atMs: number): void {
    this.#sql.exec(
      "INSERT OR REPLACE INTO notices (kind, subject, at_ms) VALUES (?, ?, ?)",
      kind,
      subject,
      atMs,
    );
    this.#of(kind).set(subject, atMs);
  }

  /** Forgets the subjects that cannot be reported again anyway. Call in a transaction. */
  keep(kind: NoticeKind, isKept: (subject: string) => boolean): void {
    const known = this.#of(kind);
    for (const subject of known.keys()) {
      if (isKept(subject)) continue;
      this.#sql.exec("DELETE FROM notices WHERE kind = ? AND subject = ?", kind, subject);
      known.delete(subject);
    }
  }

  #of(kind: NoticeKind): Map<string, number> {
    const known = this.#known.get(kind);
    if (known) return known;
    const rows = this.#sql.exec<Row>("SELECT subject, at_ms FROM notices WHERE kind = ?", kind).toArray();
    const read = new Map(rows.map(({ subject, at_ms: atMs }) => [subject, atMs]));
    this.#known.set(kind, read);
    return read;
  }
}

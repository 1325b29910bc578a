/**
 * A durable object's storage over SQLite in memory, with the platform's guarantees and failures.
 *
 * Writes are on disk a moment later; until then no answer of the object may leave, and a crash undoes them. A copy of the object
 * that has been replaced can neither read nor write. Implements only the part of the interface that the objects use.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

/** The key of the state row. */
const STATE = "state";

/** The storage that outlives the copies of an object. */
export class Disk {
  readonly #database = new DatabaseSync(":memory:");
  readonly #statements = new Map<string, StatementSync>();
  readonly kv = new Map<string, unknown>();
  alarmMs: number | null = null;
  /** The number of flushes. What was written before a flush is on disk. */
  flushes = 0;
  isDirty = false;
  #undo: { kv: Map<string, unknown>; alarmMs: number | null } | null = null;
  /** Called with the first write after a flush. */
  onDirty: () => void = () => {};

  /** Brings everything written so far to disk. */
  flush(): void {
    if (this.isDirty) this.#database.exec("COMMIT");
    this.isDirty = false;
    this.flushes += 1;
  }

  /** Undoes everything that is not on disk. */
  crash(): void {
    if (!this.isDirty || !this.#undo) return;
    this.#database.exec("ROLLBACK");
    this.isDirty = false;
    this.kv.clear();
    for (const [key, value] of this.#undo.kv) this.kv.set(key, value);
    this.alarmMs = this.#undo.alarmMs;
  }

  /** Empties all tables but keeps them, like an object that once had an account: faster than a new disk. */
  wipe(): void {
    this.crash();
    const tables = this.#database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    for (const { name } of tables) this.#database.exec(`DELETE FROM ${String(name)}`);
    this.kv.delete(STATE);
    this.alarmMs = null;
    this.flushes = 0;
  }

  touch(): void {
    if (this.isDirty) return;
    this.isDirty = true;
    this.#undo = { kv: new Map(this.kv), alarmMs: this.alarmMs };
    this.#database.exec("BEGIN");
    this.onDirty();
  }

  exec(query: string, bindings: readonly SQLInputValue[]): Record<string, unknown>[] {
    if (!/^\s*SELECT/.test(query)) this.touch();
    if (/CREATE|ALTER|DROP/.test(query)) {
      this.#database.exec(query);
      return [];
    }
    let statement = this.#statements.get(query);
    if (!statement) {
      statement = this.#database.prepare(query);
      this.#statements.set(query, statement);
    }
    return statement.all(...bindings);
  }
}

/** One copy's access to the disk. */
export interface Handle {
  /** Whether another copy owns the disk now. */
  isReplaced: boolean;
  /** Whether the next write of the state row fails. */
  failNextWrite: boolean;
  /** Called when it has failed. */
  readonly onFailure: () => void;
  /** Called with the reason of each audit entry, when its transaction is complete. */
  readonly onAudit: (reason: unknown) => void;
}

/** The storage of one copy. @param alarm called with the time of each alarm that is set. */
export function storageOf(disk: Disk, handle: Handle, alarm: (atMs: number) => void): DurableObjectStorage {
  const check = (): void => {
    if (handle.isReplaced) throw new Error("this copy of the object has been replaced");
  };
  const reasons: unknown[] = [];
  const exec = (query: string, ...bindings: SQLInputValue[]) => {
    check();
    if (query.startsWith("INSERT INTO audit")) reasons.push(bindings[2]);
    const rows = disk.exec(query, bindings);
    return {
      toArray: () => rows,
      one: () => rows[0],
      rowsWritten: 0,
      [Symbol.iterator]: () => rows[Symbol.iterator](),
    };
  };
  const storage = {
    sql: { exec },
    kv: {
      get: (key: string) => (check(), disk.kv.get(key)),
      put: (key: string, value: unknown) => {
        check();
        if (handle.failNextWrite && key === STATE) {
          handle.failNextWrite = false;
          handle.onFailure();
          throw new Error("the disk is full");
        }
        disk.touch();
        disk.kv.set(key, structuredClone(value));
      },
    },
    transactionSync: <T>(work: () => T): T => {
      check();
      disk.touch();
      disk.exec("SAVEPOINT turn", []);
      const kv = new Map(disk.kv);
      try {
        const result = work();
        disk.exec("RELEASE turn", []);
        for (const reason of reasons.splice(0)) handle.onAudit(reason);
        return result;
      } catch (thrown) {
        reasons.length = 0;
        disk.exec("ROLLBACK TO turn", []);
        disk.exec("RELEASE turn", []);
        disk.kv.clear();
        for (const [key, value] of kv) disk.kv.set(key, value);
        throw thrown;
      }
    },
    getAlarm: async () => (check(), disk.alarmMs),
    setAlarm: async (atMs: number) => {
      check();
      disk.touch();
      disk.alarmMs = atMs;
      alarm(atMs);
    },
  };
  // The objects use no other member of the interface.
  return storage as unknown as DurableObjectStorage;
}

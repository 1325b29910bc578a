/**
 * A durable object's storage over SQLite in memory, with the platform's guarantees and failures.
 *
 * Writes are on disk a moment later; until then no answer of the object may leave, and a crash undoes them. A copy of the object
 * that has been replaced can neither read nor write. Implements only the part of the interface that the objects use.
 */
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { plainCopy } from "./plain-copy.ts";

/** The key of the state row. */
const STATE = "state";

/** A prepared statement, and the tables that it may write: none if it only reads. */
interface Prepared {
  readonly statement: StatementSync;
  readonly writes: readonly string[] | null;
}

/** The storage that outlives the copies of an object. */
export class Disk {
  readonly #database = new DatabaseSync(":memory:");
  readonly #prepared = new Map<string, Prepared>();
  /** Empties each table. */
  readonly #wipes = new Map<string, StatementSync>();
  /** Tables that may have rows. */
  readonly #written = new Set<string>();
  readonly #begin = this.#database.prepare("BEGIN");
  readonly #commit = this.#database.prepare("COMMIT");
  readonly kv = new Map<string, unknown>();
  alarmMs: number | null = null;
  /** The number of flushes. What was written before a flush is on disk. */
  flushes = 0;
  /** How often the state row was written, without writes that were undone. */
  rows = 0;
  isDirty = false;
  #undo: { kv: Map<string, unknown>; alarmMs: number | null; rows: number } | null = null;
  /** Whether SQLite has written since the last flush: most turns write the state row only, which is none of its tables. */
  #isOpen = false;
  /** Whether it has written in the object's transaction; null outside. */
  #hasSavepoint: boolean | null = null;
  /** Called with the first write after a flush. */
  onDirty: () => void = () => {};

  /** Brings everything written so far to disk. */
  flush(): void {
    if (this.#isOpen) this.#commit.run();
    this.#isOpen = this.isDirty = false;
    this.flushes += 1;
  }

  /** Undoes everything that is not on disk. */
  crash(): void {
    if (!this.isDirty || !this.#undo) return;
    if (this.#isOpen) this.#database.exec("ROLLBACK");
    this.#isOpen = this.isDirty = false;
    restore(this.kv, this.#undo.kv);
    this.alarmMs = this.#undo.alarmMs;
    this.rows = this.#undo.rows;
  }

  /** Empties all tables but keeps them, like an object that once had an account: faster than a new disk. */
  wipe(): void {
    this.crash();
    for (const table of this.#written) this.#wipes.get(table)?.run();
    this.#written.clear();
    this.kv.delete(STATE);
    this.alarmMs = null;
    this.flushes = this.rows = 0;
  }

  touch(): void {
    if (this.isDirty) return;
    this.isDirty = true;
    this.#undo = { kv: new Map(this.kv), alarmMs: this.alarmMs, rows: this.rows };
    this.onDirty();
  }

  /** Runs `work`, and undoes what it wrote if it throws. */
  transact<T>(work: () => T): T {
    this.touch();
    const { rows } = this;
    const kv = new Map(this.kv);
    const isNested = this.#hasSavepoint !== null;
    if (isNested) this.#write();
    this.#hasSavepoint = false;
    try {
      const result = work();
      if (this.#hasSavepoint) this.#database.exec("RELEASE turn");
      return result;
    } catch (thrown) {
      if (this.#hasSavepoint) this.#database.exec("ROLLBACK TO turn; RELEASE turn");
      restore(this.kv, kv);
      this.rows = rows;
      throw thrown;
    } finally {
      this.#hasSavepoint = isNested ? true : null;
    }
  }

  exec(query: string, bindings: readonly SQLInputValue[]): Record<string, unknown>[] {
    if (/CREATE|ALTER|DROP/.test(query)) {
      this.#write();
      this.#database.exec(query);
      this.#prepared.clear();
      return [];
    }
    let prepared = this.#prepared.get(query);
    if (!prepared) {
      prepared = this.#prepare(query);
      this.#prepared.set(query, prepared);
    }
    if (prepared.writes) {
      this.#write();
      for (const table of prepared.writes) this.#written.add(table);
    }
    return prepared.statement.all(...bindings);
  }

  #prepare(query: string): Prepared {
    const statement = this.#database.prepare(query);
    if (/^\s*SELECT/.test(query)) return { statement, writes: null };
    const tables = this.#database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    const writes = tables.map(({ name }) => String(name)).filter((name) => query.includes(name));
    for (const name of writes) {
      if (!this.#wipes.has(name)) this.#wipes.set(name, this.#database.prepare(`DELETE FROM ${name}`));
    }
    return { statement, writes };
  }

  /** Before SQLite writes. */
  #write(): void {
    this.touch();
    if (!this.#isOpen) this.#begin.run();
    this.#isOpen = true;
    if (this.#hasSavepoint !== false) return;
    this.#database.exec("SAVEPOINT turn");
    this.#hasSavepoint = true;
  }
}

function restore(kv: Map<string, unknown>, before: ReadonlyMap<string, unknown>): void {
  kv.clear();
  for (const [key, value] of before) kv.set(key, value);
}

/** One copy's access to the disk. */
export interface Handle {
  /** Whether another copy owns the disk now. */
  isReplaced: boolean;
  /** Whether the next write of the state row fails. */
  failNextWrite: boolean;
  /** Called when it has failed. */
  readonly onFailure: () => void;
  /** Called with the reason of the audit entries of a transaction, when that is complete: of all, a change has the same. */
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
        disk.kv.set(key, plainCopy(value));
        if (key === STATE) disk.rows += 1;
      },
    },
    transactionSync: <T>(work: () => T): T => {
      check();
      try {
        const result = disk.transact(work);
        for (const reason of new Set(reasons.splice(0))) handle.onAudit(reason);
        return result;
      } catch (thrown) {
        reasons.length = 0;
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

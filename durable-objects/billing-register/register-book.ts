/**
 * The documents of one series: numbered without gaps and without duplicates, whatever crashes. In the module that is loaded on first use.
 *
 * Documents arrive at least once and in any order, from the outboxes of the accounts' objects. The first delivery of an id takes the next
 * number and a date that is not before the last one's; every other reads them. The objects have the documents; this is a list of them, and
 * can be rebuilt (register-rebuild.ts). One more object of the class knows all series, so that all have one currency.
 */
import { withDeadline } from "../../src/deadline.ts";
import {
  type NumberedEntry,
  type Outstanding,
  overviewOf,
  type RebuiltSeries,
  type RegisterAnswer,
  type RegisterEntry,
  type RegisterFilter,
  type RegisterNamespace,
  type RegisterOverview,
  type RegisterPage,
  type RegisterPosition,
  type RegisterSums,
  seriesName,
  type SumQuery,
} from "../../src/objects/billing-register.ts";
import { differingFields, digestColumns } from "./compare-documents.ts";
import { numberOf } from "./document-number.ts";
import { beginRebuild, finishRebuild, restoreDocument } from "./register-rebuild.ts";
import { type DocumentRow, documentRow, type RegisterRow, toDocument } from "./register-rows.ts";
import { outstandingOf, sumsOf } from "./register-sums.ts";
import { partsColumn, RegisterStore } from "./register-store.ts";

const DEADLINE_MS = 2_000;

export class RegisterBook {
  readonly #store: RegisterStore;
  readonly #namespace: RegisterNamespace;

  constructor(storage: DurableObjectStorage, namespace: RegisterNamespace) {
    this.#store = new RegisterStore(storage);
    this.#namespace = namespace;
  }

  async put(entry: RegisterEntry): Promise<RegisterAnswer> {
    const currency = await this.#begin(entry);
    if (currency !== entry.currency) return { kind: "currency-differs", currency };
    return this.#store.transact(() => this.#put(entry));
  }

  list(
    { status, user = null, fromMs = null, toMs = null }: RegisterFilter,
    after: RegisterPosition | null,
    count: number,
  ): RegisterPage {
    const state = this.#store.state();
    if (state === null) return { documents: [], next: null };
    const { epoch, n } = after ?? { epoch: Number.MAX_SAFE_INTEGER, n: 0 };
    const rows = this.#store.sql
      .exec(
        `SELECT * FROM documents WHERE (?1 IS NULL OR status = ?1) AND (epoch, n) < (?2, ?3)
           AND (?5 IS NULL OR user = ?5) AND (?6 IS NULL OR period_start_ms >= ?6) AND (?7 IS NULL OR period_start_ms < ?7)
         ORDER BY epoch DESC, n DESC LIMIT ?4`,
        status,
        epoch,
        n,
        count + 1,
        user,
        fromMs,
        toMs,
      )
      .toArray()
      .map((row) => documentRow.parse(row));
    const page = rows.slice(0, count);
    const last = page.at(-1);
    return {
      documents: page.map((row) => toDocument(state.series, row)),
      next: last && rows.length > count ? { epoch: last.epoch, n: last.n } : null,
    };
  }

  sums(query: SumQuery): RegisterSums {
    return sumsOf(this.#store, query);
  }

  outstanding(): Outstanding {
    return outstandingOf(this.#store);
  }

  beginRebuild(name: string): void {
    this.#store.transact(() => beginRebuild(this.#store, name));
  }

  async restore(entries: readonly NumberedEntry[]): Promise<void> {
    for (const entry of entries) {
      const currency = await this.#begin(entry);
      if (currency !== entry.currency) throw new Error(`${entry.id} is in another currency than ${currency}`);
      this.#store.transact(() => restoreDocument(this.#store, entry));
    }
  }

  finishRebuild(): RebuiltSeries | null {
    const state = this.#store.state();
    return state && this.#store.transact(() => finishRebuild(this.#store, state));
  }

  announce(series: string, currency: string): string {
    this.#store.migrate();
    const { sql } = this.#store;
    const [first] = sql.exec<{ currency: string }>("SELECT currency FROM all_series LIMIT 1").toArray();
    const common = first?.currency ?? currency;
    if (common === currency) sql.exec("INSERT OR IGNORE INTO all_series VALUES (?, ?)", series, currency);
    return common;
  }

  overview(): RegisterOverview {
    if (this.#store.isEmpty) return { series: [], currency: null };
    this.#store.migrate();
    const rows = this.#store.sql
      .exec<{ series: string; currency: string }>("SELECT * FROM all_series ORDER BY series")
      .toArray();
    return { series: rows.map(({ series }) => series), currency: rows[0]?.currency ?? null };
  }

  /**
   * Before the first document, announces the series: if two of different currencies come first at the same time, one is rejected.
   * @returns the currency of all documents.
   */
  async #begin({ series, kind, currency }: RegisterEntry): Promise<string> {
    const name = seriesName(series, kind);
    const known = this.#store.currency();
    if (known !== null) return known;
    const overview = overviewOf(this.#namespace);
    const common: string = await withDeadline(overview.announce(name, currency), DEADLINE_MS, "register");
    if (common === currency) this.#store.transact(() => this.#store.open(name, 0));
    return common;
  }

  #put(entry: RegisterEntry): RegisterAnswer {
    const state = this.#store.begun();
    const known = this.#store.find(entry.id);
    if (known) return this.#update(state, known, entry);
    if (state.rebuilding === 1) return { kind: "rebuilding" };
    const [last] = this.#store.sql
      .exec<{ epoch: number; n: number; issued_ms: number }>(
        "SELECT epoch, n, issued_ms FROM documents ORDER BY epoch DESC, n DESC LIMIT 1",
      )
      .toArray();
    const n = last?.epoch === state.epoch ? last.n + 1 : 1;
    const issuedMs = Math.max(Date.now(), last?.issued_ms ?? 0);
    this.#store.insert(state.epoch, n, entry, issuedMs);
    return { kind: "registered", number: numberOf(state.series, state.epoch, n), issuedMs };
  }

  /** A number given in vain would be a gap, so a document that differs keeps the number that its first version has. */
  #update(state: RegisterRow, known: DocumentRow, entry: RegisterEntry): RegisterAnswer {
    const number = numberOf(state.series, known.epoch, known.n);
    const { total_minor: totalMinor, issued_ms: issuedMs } = known;
    const fields = differingFields(known, entry);
    if (fields.length > 0) return { kind: "differs", number, totalMinor, fields };
    if (entry.version > known.version) {
      const [sha256, fieldDigests] = digestColumns(entry);
      this.#store.sql.exec(
        `UPDATE documents SET status = ?1, open_minor = ?2, version = ?3, sha256 = coalesce(sha256, ?4),
           field_digests = coalesce(field_digests, ?5), parts = coalesce(?6, iif(?1 = 'void', NULL, parts))
         WHERE epoch = ?7 AND n = ?8`,
        entry.status,
        entry.openMinor,
        entry.version,
        sha256,
        fieldDigests,
        partsColumn(entry),
        known.epoch,
        known.n,
      );
    }
    return { kind: "registered", number, issuedMs };
  }
}

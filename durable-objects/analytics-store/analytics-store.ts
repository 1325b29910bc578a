/**
 * Analytics without Analytics Engine: the last day's decisions in the hub's own SQLite, in the columns that Analytics Engine has.
 *
 * Points are stored in runs, a row each (embedded-segment.ts), because rows written are what Cloudflare bills: a full batch costs
 * about one row per hundred points, the least one row. Reports are made from columns in memory (embedded-columns.ts), which
 * are read from the table after a start: beside the first batches, and what is left at the first report. Above `limits.rows` it samples itself (embedded-thinning.ts): then figures are
 * estimates, and say so.
 *
 * Synchronous throughout, so that a call is one transaction. Never on the path of a request; never billed by.
 */
import type { Point } from "../../src/analytics/point.ts";
import type { Row } from "../../src/analytics/reports/facts.ts";
import type { ReportAnswer } from "../../src/analytics/reports/report-answer.ts";
import type { ReportQuery } from "../../src/analytics/reports/report-query.ts";
import { answerOf, planOf } from "../../src/analytics/reports/reports.ts";
import { EmbeddedColumns, HOT_COLUMNS } from "./stored-columns.ts";
import { groupsOf } from "./groups.ts";
import { logRows } from "./decision-log-rows.ts";
import { RECORDED_COLUMNS, type RecordedRange, recordedRange } from "./recorded-rows.ts";
import { bindingsOf, rowsOf, SEGMENT_SCHEMA, storedRow, WRITE_SEGMENT } from "./chunk.ts";
import { Thinning } from "./thinning.ts";

/** What the store needs of SqlStorage. */
export interface Sql {
  exec(query: string, ...bindings: (number | string)[]): Iterable<Record<string, unknown>>;
}

export interface StoreLimits {
  /** Rows above which the store samples itself. */
  readonly rows: number;
  readonly keepMs: number;
}

/** Half a million rows are 28 MB of the hub's 128, and about 60 MB on disk. */
const LIMITS: StoreLimits = { rows: 500_000, keepMs: 86_400_000 };

/** Points in a run. Larger: fewer rows in all, and more to rewrite while a run fills. */
const RUN_POINTS = 256;
/** Texts in a run, UTF-16 units: even at three bytes each far below the two megabytes that a row may have. */
const RUN_TEXT = 300_000;
/** Memory may be above the limit by this before the oldest runs go unasked. */
const SLACK = 1.2;
/** Rows of a run that is being thinned go through memory; so many runs are a few ms. */
const THINNED_RUNS = 16;
/** Runs read into memory beside a batch, after a start: some ms. */
const LOADED_RUNS = 32;
const ALL_RUNS = Number.POSITIVE_INFINITY;
/** Between two looks for what is too old. */
const SWEEP_EVERY_MS = 60_000;

/** The run that is being filled. */
interface OpenRun {
  readonly id: number;
  readonly rows: Row[];
  text: number;
}

export class EmbeddedStore {
  readonly #sql: Sql;
  readonly #limits: StoreLimits;
  #hasTable = false;
  #open: OpenRun | null = null;
  #nextId = 1;
  #rows = 0;
  #columns = new EmbeddedColumns();
  /** Runs up to this one are in memory, and those from `#loadBefore` on. */
  #loadedTo = 0;
  #loadBefore = 1;
  #thinning: Thinning | null = null;
  #sweptMs = 0;

  /** Reads what is there, writes nothing. */
  constructor(sql: Sql, limits: StoreLimits = LIMITS) {
    this.#sql = sql;
    this.#limits = limits;
    this.#forget();
  }

  /** Points that are stored, after sampling. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * Stores the points of a batch: one row written for it, sometimes two.
   * @throws what storage throws; then nothing of the batch counts as stored, and it may be given again.
   */
  insert(points: readonly Point[], nowMs: number): void {
    if (points.length === 0) return;
    try {
      this.#insert(points);
      // So that a report does not have to wait for all of it.
      this.#load(LOADED_RUNS);
      if (this.#rows > this.#limits.rows) this.#thin();
      if (nowMs - this.#sweptMs >= SWEEP_EVERY_MS) this.sweep(nowMs);
    } catch (thrown) {
      this.#forget();
      throw thrown;
    }
  }

  #insert(points: readonly Point[]): void {
    if (!this.#hasTable) {
      this.#sql.exec(SEGMENT_SCHEMA);
      this.#hasTable = true;
    }
    const isLong = (this.#open?.rows.length ?? 0) + points.length > RUN_POINTS;
    let run = this.#open && !isLong ? this.#open : this.#begin();
    for (const point of points) {
      const row = storedRow(point);
      run.rows.push(row);
      run.text += textOf(row);
      this.#rows += 1;
      if (run.rows.length < RUN_POINTS && run.text < RUN_TEXT) continue;
      this.#write(run.id, run.rows);
      run = this.#begin();
    }
    if (run.rows.length > 0) this.#write(run.id, run.rows);
    this.#open = run;
  }

  /** Answers from memory; the first time after a start from the table. */
  report(query: ReportQuery, nowMs: number): ReportAnswer {
    const plan = planOf(query);
    this.#load(ALL_RUNS);
    const columns = this.#columns;
    const groups = Object.fromEntries(
      Object.entries(plan.groups).map(([name, aggregation]) => [name, groupsOf(columns, aggregation)]),
    );
    const rows = plan.scan ? logRows(columns, plan.scan, (id) => this.#read(id)) : [];
    // Runs are deleted whole, so the oldest may have older rows: those count as well.
    let fromMs = nowMs - this.#limits.keepMs;
    for (const { firstMs } of columns.segments) fromMs = Math.min(fromMs, firstMs);
    const keeps = { fromMs, toMs: nowMs };
    return answerOf(query, "embedded", { groups, rows, keeps });
  }

  /** What a simulation replays: the newest decisions of the range. */
  recorded(range: { readonly fromMs: number; readonly toMs: number }, most: number): RecordedRange {
    this.#load(ALL_RUNS);
    return recordedRange(this.#columns, range, most, (id) => {
      const columns = RECORDED_COLUMNS.join(", ");
      for (const stored of this.#sql.exec(`SELECT ${columns} FROM points WHERE id = ?`, id)) return stored;
      return null;
    });
  }

  /** Forgets what is older than is kept, by runs. */
  sweep(nowMs: number): void {
    this.#sweptMs = nowMs;
    if (!this.#hasTable) return;
    const before = nowMs - this.#limits.keepMs;
    const old = [...this.#sql.exec("SELECT id, rows FROM points WHERE last_ms < ?", before)];
    for (const { id, rows } of old) this.#drop(Number(id), Number(rows));
    if (this.#columns.isBloated) this.#forget();
  }

  /** Forgets all but what is in the table. */
  #forget(): void {
    const tables = this.#sql.exec("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'points'");
    this.#hasTable = [...tables].length > 0;
    const found = this.#hasTable
      ? this.#sql.exec("SELECT coalesce(max(id), 0) AS last, coalesce(sum(rows), 0) AS rows FROM points")
      : [{ last: 0, rows: 0 }];
    for (const { last, rows } of found) {
      this.#nextId = Number(last) + 1;
      this.#rows = Number(rows);
    }
    this.#open = null;
    this.#columns = new EmbeddedColumns();
    this.#thinning = null;
    this.#loadedTo = 0;
    this.#loadBefore = this.#nextId;
  }

  #begin(): OpenRun {
    const run: OpenRun = { id: this.#nextId, rows: [], text: 0 };
    this.#nextId += 1;
    return run;
  }

  #write(id: number, rows: readonly Row[]): void {
    this.#sql.exec(WRITE_SEGMENT, ...bindingsOf(id, rows));
    this.#columns.put(id, rows);
  }

  #drop(id: number, rows: number): void {
    this.#sql.exec("DELETE FROM points WHERE id = ?", id);
    this.#columns.drop(id);
    this.#rows -= rows;
    if (this.#open?.id === id) this.#open = null;
  }

  #read(id: number): Row[] {
    for (const stored of this.#sql.exec("SELECT * FROM points WHERE id = ?", id)) return rowsOf(stored);
    return [];
  }

  /** Reads so many runs, at most, into memory. */
  #load(runs: number): void {
    const all = runs === ALL_RUNS;
    while (this.#loadedTo + 1 < this.#loadBefore) {
      const part = Math.min(runs, LOADED_RUNS);
      const found = [
        ...this.#sql.exec(
          `SELECT id, rows, ${HOT_COLUMNS.join(", ")} FROM points WHERE id > ? AND id < ? ORDER BY id LIMIT ?`,
          this.#loadedTo,
          this.#loadBefore,
          part,
        ),
      ];
      for (const stored of found) this.#columns.load(stored);
      this.#loadedTo = found.length < part ? this.#loadBefore : Number(found.at(-1)?.["id"]);
      if (!all) return;
    }
  }

  /** A part of a pass over the table; the next batches go on with it. */
  #thin(): void {
    this.#load(ALL_RUNS);
    const columns = this.#columns;
    this.#thinning ??= new Thinning(columns, this.#limits.rows, this.#open?.id ?? this.#nextId);
    const ids = this.#thinning.next(THINNED_RUNS);
    if (ids.length === 0) this.#thinning = null;
    const thinning = this.#thinning;
    if (!thinning) return this.#cutOff(columns);
    // What is left is put together into fewer runs, in the places of the first of them.
    let kept: Row[] = [];
    let text = 0;
    const places = [...ids];
    const flush = (): void => {
      const [place] = places;
      if (place === undefined || kept.length === 0) return;
      places.shift();
      this.#write(place, kept);
      kept = [];
      text = 0;
    };
    let removed = 0;
    for (const id of ids) {
      const rows = this.#read(id);
      const left = thinning.sample(rows);
      removed += rows.length - left.length;
      const length = left.reduce((sum, row) => sum + textOf(row), 0);
      if (kept.length + left.length > RUN_POINTS || text + length > RUN_TEXT) flush();
      kept.push(...left);
      text += length;
    }
    flush();
    this.#rows -= removed;
    for (const id of places) this.#drop(id, 0);
  }

  /** The last resort, where sampling is slower than what comes in. */
  #cutOff(columns: EmbeddedColumns): void {
    if (this.#rows <= this.#limits.rows * SLACK) return;
    const oldest = [...columns.segments].toSorted((a, b) => a.lastMs - b.lastMs);
    for (const { id, rows } of oldest) {
      if (this.#rows <= this.#limits.rows) return;
      this.#drop(id, rows);
    }
  }
}

/** UTF-16 units of what a row adds to a run, about. */
function textOf({ account, route, tier, reason, method, colo, country, keyId, requestId }: Row): number {
  const texts = [account, route, tier, reason, method, colo, country, keyId, requestId];
  return texts.reduce((sum, text) => sum + text.length, 0);
}

/**
 * Analytics without Analytics Engine: the last day's decisions in the hub's own SQLite, in columns of the same names.
 *
 * Points are stored in chunks, one row each (chunk.ts), because Cloudflare bills rows written: a full batch costs about one row per hundred
 * points, and at least one. Reports are computed from columns in memory (stored-columns.ts). After a start they are loaded from the table:
 * some with each of the first batches, the rest at the first report. Above `limits.rows` the store samples itself (thinning.ts); figures
 * are then estimates, and marked as such.
 *
 * Synchronous throughout, so that a call is one transaction. Never on the path of a request; bills never use it.
 */
import type { Point } from "../../src/analytics/point.ts";
import type { RequestScan, Row } from "../../src/analytics/reports/facts.ts";
import type { ReportAnswer } from "../../src/analytics/reports/report-answer.ts";
import type { ReportQuery } from "../../src/analytics/reports/report-query.ts";
import { answerOf, planOf } from "../../src/analytics/reports/reports.ts";
import { DAY_MS, MINUTE_MS } from "../../src/core/time.ts";
import { storedRow, textLength } from "./chunk.ts";
import { ChunkTable, type Sql } from "./chunk-table.ts";
import { logRows } from "./decision-log-rows.ts";
import { groupsOf } from "./groups.ts";
import { RECORDED_COLUMNS, type RecordedRange, recordedRange } from "./recorded-rows.ts";
import { HOT_COLUMNS, StoredColumns } from "./stored-columns.ts";
import { Thinning } from "./thinning.ts";

export interface StoreLimits {
  /** Rows above which the store samples itself. */
  readonly rows: number;
  readonly keepMs: number;
}

/** Half a million rows take 32 MB of the hub's 128, and about 60 MB on disk, or 600 if all stand for 30 requests with their ids. */
const LIMITS: StoreLimits = { rows: 500_000, keepMs: DAY_MS };

/** Points in a chunk. A larger one means fewer rows in all, and more to rewrite while it fills. */
const CHUNK_POINTS = 256;
/** Texts in a chunk, UTF-16 units: even at three bytes each far below the two megabytes that a row may have. */
const CHUNK_TEXT = 300_000;
/** The store may exceed its limit by this factor before it drops the oldest chunks. */
const SLACK = 1.2;
/** Chunks that one batch thins: their rows go through memory, which takes a few ms. */
const THINNED_CHUNKS = 16;
/** Chunks that one batch loads into memory after a start: some ms. */
const LOADED_CHUNKS = 32;
const ALL_CHUNKS = Number.POSITIVE_INFINITY;
/** Time between two sweeps. */
const SWEEP_EVERY_MS = MINUTE_MS;

/** The chunk that is being filled. */
interface OpenChunk {
  readonly id: number;
  readonly rows: Row[];
  text: number;
}

export class AnalyticsStore {
  readonly #table: ChunkTable;
  readonly #limits: StoreLimits;
  #open: OpenChunk | null = null;
  #nextId = 1;
  #rows = 0;
  #columns = new StoredColumns();
  /** Chunks up to this one are in memory, and those from `#loadBefore` on. */
  #loadedTo = 0;
  #loadBefore = 1;
  #thinning: Thinning | null = null;
  #sweptMs = 0;

  /** Reads the table's size, writes nothing. */
  constructor(sql: Sql, limits: StoreLimits = LIMITS) {
    this.#table = new ChunkTable(sql);
    this.#limits = limits;
    this.#reset();
  }

  /** Points that are stored, after sampling. */
  get rows(): number {
    return this.#rows;
  }

  /**
   * Stores the points of a batch: one row written, sometimes two.
   * @param note stored in the same row, in place of the one before.
   * @throws what storage throws; then none of the batch counts as stored, and it may be inserted again.
   */
  insert(points: readonly Point[], nowMs: number, note: string | null = null): void {
    if (points.length === 0) return;
    try {
      this.#insert(points, note);
      // So that the first report does not have to load everything.
      this.#load(LOADED_CHUNKS);
      if (this.#rows > this.#limits.rows) this.#thin();
      if (nowMs - this.#sweptMs >= SWEEP_EVERY_MS) this.sweep(nowMs);
    } catch (thrown) {
      this.#reset();
      throw thrown;
    }
  }

  /** The note of the newest chunk. */
  get note(): string | null {
    return this.#table.note;
  }

  /** Removes the note: one row written. */
  dropNote(): void {
    this.#table.dropNote();
  }

  #insert(points: readonly Point[], note: string | null): void {
    this.#table.create();
    const isLong = (this.#open?.rows.length ?? 0) + points.length > CHUNK_POINTS;
    let chunk = this.#open && !isLong ? this.#open : this.#begin();
    for (const point of points) {
      const row = storedRow(point);
      chunk.rows.push(row);
      chunk.text += textLength(row);
      this.#rows += 1;
      if (chunk.rows.length < CHUNK_POINTS && chunk.text < CHUNK_TEXT) continue;
      this.#write(chunk.id, chunk.rows, note);
      chunk = this.#begin();
    }
    if (chunk.rows.length > 0) this.#write(chunk.id, chunk.rows, note);
    this.#open = chunk;
  }

  /** Answers from memory; the first time after a start it loads the table. */
  report(query: ReportQuery, nowMs: number): ReportAnswer {
    const plan = planOf(query);
    this.#load(ALL_CHUNKS);
    const columns = this.#columns;
    const groups = Object.fromEntries(
      Object.entries(plan.groups).map(([name, aggregation]) => [name, groupsOf(columns, aggregation)]),
    );
    const stored = {
      read: (id: number) => this.#table.read(id),
      withRequest: (wanted: RequestScan) => this.#table.withRequest(wanted),
    };
    const rows = plan.scan ? logRows(columns, plan.scan, stored) : [];
    // Only whole chunks are deleted, so the oldest may have rows from before: those count as well.
    let fromMs = nowMs - this.#limits.keepMs;
    for (const { firstMs } of columns.chunks) fromMs = Math.min(fromMs, firstMs);
    const keeps = { fromMs, toMs: nowMs };
    return answerOf(query, "embedded", { groups, rows, keeps });
  }

  /** The newest decisions of the range, at most `limit`, for a simulation to replay. */
  recorded(range: { readonly fromMs: number; readonly toMs: number }, limit: number): RecordedRange {
    this.#load(ALL_CHUNKS);
    return recordedRange(this.#columns, range, limit, (id) => this.#table.columnsOf(id, RECORDED_COLUMNS));
  }

  /** Deletes the points of an account until a moment. @returns how many there were. */
  erase(account: string, untilMs: number): number {
    this.#load(ALL_CHUNKS);
    const { dictionaries, chunks } = this.#columns;
    const wanted = dictionaries.account.find(account);
    if (wanted === null) return 0;
    const before = this.#rows;
    const found = [...chunks].filter(({ texts }) => texts.account.includes(wanted)).map(({ id }) => id);
    for (const id of found) {
      const rows = this.#table.read(id);
      const left = rows.filter((row) => row.account !== account || row.atMs > untilMs);
      if (left.length === 0) this.#drop(id, rows.length);
      else if (left.length < rows.length) this.#table.write(id, left, null);
    }
    // Memory must not keep the account either.
    this.#reset();
    return before - this.#rows;
  }

  /** Deletes chunks whose points are all older than `limits.keepMs`. */
  sweep(nowMs: number): void {
    this.#sweptMs = nowMs;
    const before = nowMs - this.#limits.keepMs;
    for (const { id, rows } of this.#table.olderThan(before)) this.#drop(id, rows);
    if (this.#columns.isBloated) this.#reset();
  }

  /** Forgets everything in memory; the table is read again. */
  #reset(): void {
    const { lastId, rows } = this.#table.open();
    this.#nextId = lastId + 1;
    this.#rows = rows;
    this.#open = null;
    this.#columns = new StoredColumns();
    this.#thinning = null;
    this.#loadedTo = 0;
    this.#loadBefore = this.#nextId;
  }

  #begin(): OpenChunk {
    const chunk: OpenChunk = { id: this.#nextId, rows: [], text: 0 };
    this.#nextId += 1;
    return chunk;
  }

  #write(id: number, rows: readonly Row[], note: string | null = null): void {
    this.#table.write(id, rows, note);
    this.#columns.put(id, rows);
  }

  #drop(id: number, rows: number): void {
    this.#table.delete(id);
    this.#columns.drop(id);
    this.#rows -= rows;
    if (this.#open?.id === id) this.#open = null;
  }

  /** Loads at most this many chunks into memory. */
  #load(chunks: number): void {
    this.#table.complete();
    const all = chunks === ALL_CHUNKS;
    while (this.#loadedTo + 1 < this.#loadBefore) {
      const part = Math.min(chunks, LOADED_CHUNKS);
      const found = this.#table.between(this.#loadedTo, this.#loadBefore, part, HOT_COLUMNS);
      for (const stored of found) this.#columns.load(stored);
      this.#loadedTo = found.length < part ? this.#loadBefore : Number(found.at(-1)?.["id"]);
      if (!all) return;
    }
  }

  /** A part of a pass over the table; the next batches continue it. */
  #thin(): void {
    this.#load(ALL_CHUNKS);
    const columns = this.#columns;
    this.#thinning ??= new Thinning(columns, this.#limits.rows, this.#open?.id ?? this.#nextId);
    const ids = this.#thinning.next(THINNED_CHUNKS);
    if (ids.length === 0) this.#thinning = null;
    const thinning = this.#thinning;
    if (!thinning) return this.#dropOldest(columns);
    // The remaining rows are packed into fewer chunks, which take the places of the first ones.
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
      const rows = this.#table.read(id);
      const left = thinning.sample(rows);
      removed += rows.length - left.length;
      const length = left.reduce((sum, row) => sum + textLength(row), 0);
      if (kept.length + left.length > CHUNK_POINTS || text + length > CHUNK_TEXT) flush();
      kept.push(...left);
      text += length;
    }
    flush();
    this.#rows -= removed;
    for (const id of places) this.#drop(id, 0);
  }

  /** The last resort, if points come in faster than sampling removes them. */
  #dropOldest(columns: StoredColumns): void {
    if (this.#rows <= this.#limits.rows * SLACK) return;
    const oldest = [...columns.chunks].toSorted((a, b) => a.lastMs - b.lastMs);
    for (const { id, rows } of oldest) {
      if (this.#rows <= this.#limits.rows) return;
      this.#drop(id, rows);
    }
  }
}

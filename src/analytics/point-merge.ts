/**
 * Merges points that differ in nothing but the request: when an isolate answers thousands of requests by itself, one point each would
 * cost more than the requests do. They are merged as they come, since a point that waits is memory that the collector has to copy.
 *
 * Merges only what is frequent: allowed requests, and denials that the edge repeats. Sums stay exact. So do percentiles of the decision's
 * latency, since only equal latencies are merged. `merge` in point-fields.ts says how each field is merged.
 *
 * A merged point has the ids of all its requests, so that a search by request id finds each of them. When their text is full, after 30
 * requests, another point begins.
 */
import { FIELD_NAMES, fieldOf, NUMBER_FIELDS, type NumberField, type WaitingPoint } from "./point.ts";
import { POINT_FIELDS } from "./point-fields.ts";
import { scaledMs } from "./reports/latency-scale.ts";
import { addUnitTexts } from "./unit-text.ts";

/** Fewer points than this are not worth merging. */
const MIN_POINTS = 50;

/** Different points of one account that others are merged into; with more, points stay as they are. */
const MAX_KINDS = 16;

/** Text of the ids of one point: any more would be cut when it is stored. */
const MAX_IDS_LENGTH = POINT_FIELDS.otherRequestIds.maxLength;

type MergedPoint = { -readonly [Name in keyof WaitingPoint]: WaitingPoint[Name] };

const EQUAL = FIELD_NAMES.filter((name) => fieldOf(name).merge === "equal" && !fieldOf(name).isLatency);
const EQUAL_LATENCIES = mergedBy("equal").filter((name) => fieldOf(name).isLatency);
const SUMS = mergedBy("sum");
const MEANS = mergedBy("mean");
const MINIMA = mergedBy("min");
const MAXIMA = mergedBy("max");

/** Points that wait in an isolate, in the order of their first. From {@link MIN_POINTS} on, a point that is like another is merged into it. */
export class WaitingPoints {
  #points: WaitingPoint[] = [];
  /** By account; null while there are too few. */
  #kinds: Map<string, MergedPoint[]> | null = null;

  /** How many are left after merging. */
  get length(): number {
    return this.#points.length;
  }

  /** The point is the collection's from now on: others may be merged into it. */
  add(point: WaitingPoint): void {
    if (this.#kinds === null) {
      this.#points.push(point);
      if (this.#points.length >= MIN_POINTS) this.#merge();
    } else if (!this.#isMerged(this.#kinds, point)) this.#points.push(point);
  }

  /** Removes and returns the first points, at most `max`. */
  take(max: number): WaitingPoint[] {
    const taken = this.#points.slice(0, max);
    this.#points = this.#points.slice(max);
    this.#kinds = null;
    if (this.#points.length >= MIN_POINTS) this.#merge();
    return taken;
  }

  #merge(): void {
    const kinds = (this.#kinds = new Map<string, MergedPoint[]>());
    this.#points = this.#points.filter((point) => !this.#isMerged(kinds, point));
  }

  /** Merges a point into one like it. If there is none, others may be merged into this one from now on. */
  #isMerged(kinds: Map<string, MergedPoint[]>, point: MergedPoint): boolean {
    if (point.outcome !== "allowed" && point.source !== "deny-cache") return false;
    const ofAccount = kinds.get(point.account);
    if (!ofAccount) kinds.set(point.account, [point]);
    else {
      for (let kind = 0; kind < ofAccount.length; kind++) {
        const other = ofAccount[kind];
        if (!other || !isAlike(other, point)) continue;
        const ids = idsOfBoth(other, point);
        if (ids.length <= MAX_IDS_LENGTH) {
          merge(other, point, ids);
          return true;
        }
        ofAccount[kind] = point;
        return false;
      }
      if (ofAccount.length < MAX_KINDS) ofAccount.push(point);
    }
    return false;
  }
}

function isAlike(a: WaitingPoint, b: WaitingPoint): boolean {
  for (const name of EQUAL) if (a[name] !== b[name]) return false;
  for (const name of EQUAL_LATENCIES) {
    if (a[name] !== b[name] && scaledMs(a[name]) !== scaledMs(b[name])) return false;
  }
  return true;
}

/** The ids of the requests of both points, but for the first. */
function idsOfBoth({ requestId, otherRequestIds }: WaitingPoint, point: WaitingPoint): string {
  // Operations of one batch share an id.
  const isNamed = point.requestId === requestId || otherRequestIds.endsWith(` ${point.requestId} `);
  if (isNamed && point.otherRequestIds === "") return otherRequestIds;
  return `${otherRequestIds || " "}${point.requestId} ${point.otherRequestIds.slice(1)}`;
}

function merge(into: MergedPoint, point: WaitingPoint, ids: string): void {
  into.otherRequestIds = ids;
  into.units = addUnitTexts(into.units, point.units);
  const requests = into.requests + point.requests;
  // Errors of administrators stand for none.
  if (requests > 0)
    for (const name of MEANS) {
      into[name] = (into[name] * into.requests + point[name] * point.requests) / requests;
    }
  for (const name of SUMS) into[name] += point[name];
  for (const name of MINIMA) into[name] = Math.min(into[name], point[name]);
  for (const name of MAXIMA) into[name] = Math.max(into[name], point[name]);
}

function mergedBy(how: "equal" | "sum" | "mean" | "min" | "max"): NumberField[] {
  return NUMBER_FIELDS.filter((name) => fieldOf(name).merge === how);
}

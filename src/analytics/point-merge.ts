/**
 * Merges points that differ in nothing but the request: when an isolate answers thousands of requests by itself, one point each would
 * cost more than the requests do.
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

/** The merged points, in the order of their first. */
export function mergePoints(points: readonly WaitingPoint[]): WaitingPoint[] {
  if (points.length < MIN_POINTS) return [...points];
  const byAccount = new Map<string, MergedPoint[]>();
  const all: WaitingPoint[] = [];
  for (const point of points) {
    if (point.outcome !== "allowed" && point.source !== "deny-cache") {
      all.push(point);
      continue;
    }
    const ofAccount = byAccount.get(point.account);
    const kind = ofAccount?.findIndex((other) => isAlike(other, point)) ?? -1;
    const same = ofAccount?.[kind];
    const ids = same ? idsOfBoth(same, point) : "";
    if (same && ids.length <= MAX_IDS_LENGTH) {
      merge(same, point, ids);
      continue;
    }
    const first: MergedPoint = { ...point };
    all.push(first);
    if (!ofAccount) byAccount.set(point.account, [first]);
    else if (same) ofAccount[kind] = first;
    else if (ofAccount.length < MAX_KINDS) ofAccount.push(first);
  }
  return all;
}

function isAlike(a: WaitingPoint, b: WaitingPoint): boolean {
  for (const name of EQUAL) if (a[name] !== b[name]) return false;
  return EQUAL_LATENCIES.every((name) => a[name] === b[name] || scaledMs(a[name]) === scaledMs(b[name]));
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
  const requests = into.requests + point.requests;
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

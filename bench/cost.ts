/**
 * What a million decisions cost at Cloudflare's prices (P5, P6): every billed operation is counted while the product decides, none is
 * computed from what it ought to do.
 */
import { askOnce } from "./ask-once.ts";
import { type Load, load } from "./load.ts";
import { settled } from "./newcomers.ts";
import { type Analytics, countedWorker } from "./rig-workers.ts";
import { type Rig, startRig } from "./rig.ts";
import type { Operations } from "./price.ts";
import { newUser, putPolicy } from "./setup.ts";

/** A user who calls without pause, by so many clients; or newcomers: addresses of which each calls once. */
export interface Busy {
  readonly name: "strict" | "strict, 1 client" | "leased" | "unlimited" | "denied" | "newcomers" | "naive";
  readonly clients: number;
}

export const BUSY: readonly Busy[] = [
  { name: "strict", clients: 64 },
  { name: "strict, 1 client", clients: 1 },
  { name: "leased", clients: 64 },
  { name: "unlimited", clients: 64 },
  { name: "denied", clients: 64 },
  { name: "newcomers", clients: 16 },
  { name: "naive", clients: 64 },
];

type Counts = Omit<Operations, "decisions">;

const NEWCOMERS = 500;

/** Work behind the last answers (leases that end, points that are flushed) belongs to the decisions before it. */
const SETTLED_MS = 2_500;

/** Counts for each of them. @param analytics where points go: with `embedded` the hub's own calls and rows count too. */
export async function countOperations(
  analytics: Analytics,
  seconds: number,
  progress: (text: string) => void,
  who: readonly Busy[] = BUSY,
): Promise<ReadonlyMap<Busy["name"], Operations>> {
  const rig = await startRig(await countedWorker(analytics));
  try {
    const url = rig.url("counted");
    await putPolicy(url);
    const found = new Map<Busy["name"], Operations>();
    for (const { name, clients } of who) {
      const operations = await operationsOf(rig, name, clients, seconds);
      progress(`counted (${analytics})  ${name.padEnd(18)} ${JSON.stringify(operations)}`);
      found.set(name, operations);
    }
    return found;
  } finally {
    await rig.close();
  }
}

function operationsOf(rig: Rig, name: Busy["name"], clients: number, seconds: number): Promise<Operations> {
  const url = rig.url("counted");
  if (name === "naive") return naive(rig, clients, seconds);
  return name === "newcomers" ? newcomers(url, NEWCOMERS, clients) : ours(url, name, clients, seconds);
}

/** The first requests of so many addresses, so many at a time: each makes an object. */
export async function newcomers(url: string, count: number, clients: number): Promise<Operations> {
  const before = await counted(url);
  const addresses = Array.from({ length: count }, (_, n) => `10.1.${n >> 8}.${n & 255}`);
  await askOnce(`${url}/identify`, "CF-Connecting-IP", addresses, clients);
  await settled();
  return since(before, await counted(url), count);
}

/** What was counted between the two. */
export function since(before: Counts, after: Counts, decisions: number): Operations {
  return {
    decisions,
    objectCalls: after.objectCalls - before.objectCalls,
    hubCalls: after.hubCalls - before.hubCalls,
    rowsWritten: after.rowsWritten - before.rowsWritten,
    hubRows: after.hubRows - before.hubRows,
    kvReads: after.kvReads - before.kvReads,
    kvWrites: after.kvWrites - before.kvWrites,
    dataPoints: after.dataPoints - before.dataPoints,
  };
}

async function ours(url: string, name: string, connections: number, seconds: number): Promise<Operations> {
  const [tier = "strict"] = name.split(",");
  const key = await newUser(url, `counted-${name.replaceAll(/\W/g, "")}`, tier);
  const headers = { "X-API-Key": key, "CF-Connecting-IP": "203.0.113.9" };
  // The first asks KV and wakes the object, which is not what a busy user costs.
  await (await fetch(`${url}/identify`, { headers })).text();
  const before = await counted(url);
  const decisions = await decide(
    { url: `${url}/identify`, connections, seconds, headers },
    name === "denied",
  );
  await new Promise((done) => setTimeout(done, SETTLED_MS));
  return since(before, await counted(url), decisions);
}

/** One KV read, one object call, one row and one data point per check, which the peer's Worker does and counts in its object. */
async function naive(rig: Rig, connections: number, seconds: number): Promise<Operations> {
  const url = rig.url("objects");
  const rows = async (): Promise<number> => numberIn(await json(`${url}/rows`), "rows");
  const before = await rows();
  const decisions = await decide({ url: `${url}/billed`, connections, seconds }, false);
  const rowsWritten = (await rows()) - before;
  return {
    decisions,
    objectCalls: decisions,
    hubCalls: 0,
    rowsWritten,
    hubRows: 0,
    kvReads: decisions,
    kvWrites: 0,
    dataPoints: decisions,
  };
}

/** @returns how many were decided. @throws where they were not decided as they should. */
async function decide(given: Load, isDenied: boolean): Promise<number> {
  const { requests, refused, errors } = await load(given);
  if (errors === 0 && refused === (isDenied ? requests : 0)) return requests;
  throw new Error(`${given.url}: of ${requests} requests ${refused} were refused, ${errors} failed`);
}

/** What the counting Worker at `url` has counted since it started. */
export async function counted(url: string): Promise<Counts> {
  const counts = await json(`${url}/bench/operations`);
  return {
    objectCalls: numberIn(counts, "objectCalls"),
    hubCalls: numberIn(counts, "hubCalls"),
    rowsWritten: numberIn(counts, "rowsWritten"),
    hubRows: numberIn(counts, "hubRows"),
    kvReads: numberIn(counts, "kvReads"),
    kvWrites: numberIn(counts, "kvWrites"),
    dataPoints: numberIn(counts, "dataPoints"),
  };
}

async function json(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  return response.json();
}

function numberIn(given: unknown, name: string): number {
  const value: unknown = typeof given === "object" && given !== null ? Reflect.get(given, name) : null;
  if (typeof value !== "number") throw new Error(`no number ${name} in ${JSON.stringify(given)}`);
  return value;
}

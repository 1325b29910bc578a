/**
 * Counts the billed operations of decisions, for their price (P5, P6). Every operation is counted while the product decides;
 * none is computed.
 */
import { askOnce } from "./ask-once.ts";
import { type Load, load } from "./wrk.ts";
import { idle } from "./newcomers.ts";
import { type Analytics, countedWorker } from "./rig-workers.ts";
import { type Rig, startRig } from "./rig.ts";
import { countsOf, type OperationCounts, type Operations } from "./price.ts";
import { newUser, putPolicy } from "./setup.ts";

/** A user with `clients` clients that call without pause; for `newcomers`, addresses that call once each. */
export interface BilledCaller {
  readonly name: "strict" | "strict, 1 client" | "auto" | "unlimited" | "denied" | "newcomers" | "naive";
  readonly clients: number;
}

export const BILLED_CALLERS: readonly BilledCaller[] = [
  { name: "strict", clients: 64 },
  { name: "strict, 1 client", clients: 1 },
  { name: "auto", clients: 64 },
  { name: "unlimited", clients: 64 },
  { name: "denied", clients: 64 },
  { name: "newcomers", clients: 16 },
  { name: "naive", clients: 64 },
];

const NEWCOMERS = 500;

/** Time for the work after the last answers (ending leases, flushing points), which belongs to the decisions before. */
const IDLE_MS = 2_500;

/**
 * Counts the operations of each caller.
 * @param analytics where points go; with `embedded` the hub's calls and rows count too.
 */
export async function countOperations(
  analytics: Analytics,
  seconds: number,
  progress: (text: string) => void,
  callers: readonly BilledCaller[] = BILLED_CALLERS,
): Promise<ReadonlyMap<BilledCaller["name"], Operations>> {
  const rig = await startRig(await countedWorker(analytics));
  try {
    const url = rig.url("counted");
    await putPolicy(url);
    const found = new Map<BilledCaller["name"], Operations>();
    for (const { name, clients } of callers) {
      const operations = await operationsOf(rig, name, clients, seconds);
      progress(`counted (${analytics})  ${name.padEnd(18)} ${JSON.stringify(operations)}`);
      found.set(name, operations);
    }
    return found;
  } finally {
    await rig.close();
  }
}

function operationsOf(
  rig: Rig,
  name: BilledCaller["name"],
  clients: number,
  seconds: number,
): Promise<Operations> {
  const url = rig.url("counted");
  if (name === "naive") return naive(rig, clients, seconds);
  return name === "newcomers" ? newcomers(url, NEWCOMERS, clients) : ours(url, name, clients, seconds);
}

/** Counts the first requests of `count` addresses, each of which creates an object. @param clients requests in flight. */
export async function newcomers(url: string, count: number, clients: number): Promise<Operations> {
  const before = await counted(url);
  const addresses = Array.from({ length: count }, (_, n) => `10.1.${n >> 8}.${n & 255}`);
  await askOnce(`${url}/identify`, "CF-Connecting-IP", addresses, clients);
  await idle();
  return since(before, await counted(url), count);
}

/** The operations between two counts. */
export function since(before: OperationCounts, after: OperationCounts, decisions: number): Operations {
  return { decisions, ...countsOf((name) => after[name] - before[name]) };
}

async function ours(url: string, name: string, connections: number, seconds: number): Promise<Operations> {
  const [tier = "strict"] = name.split(",");
  const key = await newUser(url, `counted-${name.replaceAll(/\W/g, "")}`, tier);
  const headers = { "X-API-Key": key, "CF-Connecting-IP": "203.0.113.9" };
  // The first request reads KV and wakes the object, which a busy user does not.
  await (await fetch(`${url}/identify`, { headers })).text();
  const before = await counted(url);
  const decisions = await decide(
    { url: `${url}/identify`, connections, seconds, headers },
    name === "denied",
  );
  await new Promise((done) => setTimeout(done, IDLE_MS));
  return since(before, await counted(url), decisions);
}

/** A naive limiter: one KV read, object call, row and data point per check. Its object counts the rows. */
async function naive(rig: Rig, connections: number, seconds: number): Promise<Operations> {
  const url = rig.url("objects");
  const rows = async (): Promise<number> => numberIn(await json(`${url}/rows`), "rows");
  const before = await rows();
  const decisions = await decide({ url: `${url}/billed`, connections, seconds }, false);
  const rowsWritten = (await rows()) - before;
  const perDecision = { objectCalls: decisions, kvReads: decisions, dataPoints: decisions };
  return { ...countsOf(() => 0), ...perDecision, decisions, rowsWritten };
}

/** @returns the number of decisions. @throws if any of them is not as expected. */
async function decide(given: Load, isDenied: boolean): Promise<number> {
  const { requests, rejected, errors } = await load(given);
  if (errors === 0 && rejected === (isDenied ? requests : 0)) return requests;
  throw new Error(`${given.url}: of ${requests} requests ${rejected} were rejected, ${errors} failed`);
}

/** The counts of the counting Worker at `url` since it started. */
export async function counted(url: string): Promise<OperationCounts> {
  const counts = await json(`${url}/bench/operations`);
  return countsOf((name) => numberIn(counts, name));
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

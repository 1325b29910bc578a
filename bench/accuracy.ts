/**
 * P8: how many requests a limiter admits in excess of its limit when 64 clients, or 6,000, send at once, spread over four isolates if it
 * has them. Ours also with its objects far away. The limit is {@link CAPACITY} and refills by at most one a day, so every further
 * admission is an excess.
 */
import { CLIENTS, isolatesOf, type Places } from "./contenders.ts";
import { load } from "./wrk.ts";
import { ACCURACY_MS, CAPACITY, farIsolates, FURTHER } from "./rig-workers.ts";
import { newUser } from "./setup.ts";
import { type Spread, spreadOf } from "./ratios.ts";

export interface Accuracy {
  readonly title: string;
  readonly isOurs: boolean;
  readonly clients: number;
  /** Number of isolates or processes that share the clients. */
  readonly isolates: number;
  /** Requests admitted in excess of the limit, over the rounds. Negative if fewer than the limit were admitted. */
  readonly over: Spread;
}

interface Contestant {
  readonly title: string;
  readonly isOurs?: boolean;
  /** Default: {@link CLIENTS}. */
  readonly clients?: number;
  /** Whether its windows start at full minutes. A measurement must then fit into one window. */
  readonly isByClock?: boolean;
  /** Creates a new user. @returns the URLs of the isolates and the headers that identify the user. */
  readonly prepare: (user: string) => Promise<{ urls: readonly string[]; headers: Record<string, string> }>;
}

/** More than one object's queue in an isolate takes. */
export const MAX_CLIENTS = 6_000;
/**
 * Pause before so many clients connect. workerd opens three files for each connection; those of the run before must be closed, or the
 * usual limit of 20,000 is reached. A connection closes when its last request has ended, which takes at most about ten seconds.
 */
const CLOSING_MS = 12_000;
const ATTEMPTS = 5;
const WINDOW_MS = 60_000;

export async function measureAccuracy(
  places: Places,
  rounds: number,
  seconds: number,
  onlyNear: boolean,
  progress: (text: string) => void,
): Promise<Accuracy[]> {
  const found: Accuracy[] = [];
  for (const contestant of contestants(places, onlyNear)) {
    const { title, isOurs = false, clients = CLIENTS } = contestant;
    const over: number[] = [];
    let isolates = 0;
    for (let round = 1; round <= rounds; round++) {
      const admitted = await admittedOf(contestant, clients, `accuracy-${found.length}-${round}`, seconds);
      progress(`accuracy ${round}/${rounds}  ${title}: ${admitted.count} of ${CAPACITY}`);
      isolates = admitted.isolates;
      over.push(admitted.count - CAPACITY);
    }
    found.push({ title, isOurs, clients, isolates, over: spreadOf(over) });
  }
  return found;
}

function contestants({ url, node }: Places, onlyNear: boolean): Contestant[] {
  const ours = (tier: string, workers: readonly string[]) => async (user: string) => ({
    urls: workers.map((worker) => `${url(worker)}/identify`),
    headers: { "X-API-Key": await newUser(url("ours"), user, tier) },
  });
  const near = isolatesOf("ours");
  const far = ACCURACY_MS.flatMap((ms): Contestant[] => [
    { title: `**auto**, ${ms} ms away`, isOurs: true, prepare: ours("finite-auto", farIsolates(ms)) },
    { title: `**strict**, ${ms} ms away`, isOurs: true, prepare: ours("finite-strict", farIsolates(ms)) },
    {
      title: `**auto**, ${ms} ms away`,
      isOurs: true,
      clients: MAX_CLIENTS,
      prepare: ours("finite-auto", farIsolates(ms)),
    },
  ]);
  const peer = (worker: string, path: string) => async (user: string) => ({
    urls: isolatesOf(worker).map((isolate) => `${url(isolate)}${path}`),
    headers: { "X-User": user, "X-API-Key": user, "X-Limit": String(CAPACITY) },
  });
  const all: Contestant[] = [
    { title: "**auto**", isOurs: true, prepare: ours("finite-auto", near) },
    { title: "**strict**", isOurs: true, prepare: ours("finite-strict", near) },
    ...(onlyNear ? [] : far),
    { title: "a row written per check", prepare: peer("objects", "/write") },
    { title: "hono-rate-limiter, Durable Object store", prepare: peer("hono-rate-limiter", "/identify") },
    {
      title: "`ratelimits` binding, as simulated locally",
      isByClock: true,
      prepare: peer("ratelimit-binding", "/limited"),
    },
  ];
  if (!node) return all;
  const prepare = async (user: string) => ({
    urls: Array.from({ length: FURTHER.length + 1 }, () => `${node.url}/limited`),
    headers: { "X-API-Key": user, "X-Limit": String(CAPACITY) },
  });
  return [...all, { title: "rate-limiter-flexible with Redis, on Node", prepare }];
}

/**
 * Sends from all clients at once until all have been rejected. In one run, since wrk does not count the requests in flight at its
 * end, which must not be admitted ones. If the run was too short, tries again with another user and twice the time.
 * @throws if the clients are never rejected.
 */
async function admittedOf(
  { prepare, isByClock = false }: Contestant,
  clients: number,
  user: string,
  seconds: number,
): Promise<{ count: number; isolates: number }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (clients === MAX_CLIENTS) await new Promise((done) => setTimeout(done, CLOSING_MS));
    const { urls, headers } = await prepare(`${user}-${attempt}`);
    const runSeconds = seconds * 2 ** attempt;
    const leftMs = WINDOW_MS - (Date.now() % WINDOW_MS);
    if (isByClock && leftMs < (runSeconds + 1) * 1_000) await new Promise((done) => setTimeout(done, leftMs));
    const connections = clients / urls.length;
    const runs = await Promise.all(
      urls.map((url) => load({ url, connections, seconds: runSeconds, headers })),
    );
    if (runs.some(({ errors }) => errors > 0)) throw new Error(`${urls[0]}: requests failed`);
    // Every client of every isolate has been rejected.
    if (runs.every(({ rejected }) => rejected > connections)) {
      const count = runs.reduce((sum, { requests, rejected }) => sum + requests - rejected, 0);
      return { count, isolates: new Set(urls).size };
    }
  }
  throw new Error(`${user} was never rejected within ${seconds * 2 ** (ATTEMPTS - 1)} s`);
}

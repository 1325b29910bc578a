/**
 * P8: how many more than its limit a limiter admits when 64 clients run into it at once, over four isolates where it has them. The
 * limit holds {@link CAPACITY} and refills by one a day at most, so that every further admission is one too many.
 */
import { CLIENTS, isolatesOf, type Places } from "./contenders.ts";
import { load } from "./load.ts";
import { CAPACITY, FURTHER } from "./rig-workers.ts";
import { newUser } from "./setup.ts";
import { type Spread, spreadOf } from "./ratios.ts";

export interface Accuracy {
  readonly title: string;
  readonly isOurs: boolean;
  /** Isolates, or processes, that the clients are spread over. */
  readonly isolates: number;
  /** Admitted beyond the limit, by round. Below 0: what was held back. */
  readonly over: Spread;
}

interface Contestant {
  readonly title: string;
  readonly isOurs?: boolean;
  /** Whether its window is that of the clock, which is not to end in the middle. */
  readonly isByClock?: boolean;
  /** Where its isolates listen, and by which headers it knows a user whom nobody has been before. */
  readonly prepare: (user: string) => Promise<{ urls: readonly string[]; headers: Record<string, string> }>;
}

const ATTEMPTS = 5;
const WINDOW_MS = 60_000;

export async function measureAccuracy(
  places: Places,
  rounds: number,
  seconds: number,
  progress: (text: string) => void,
): Promise<Accuracy[]> {
  const found: Accuracy[] = [];
  for (const contestant of contestants(places)) {
    const { title, isOurs = false } = contestant;
    const over: number[] = [];
    let isolates = 0;
    for (let round = 1; round <= rounds; round++) {
      const admitted = await admittedOf(contestant, `accuracy-${found.length}-${round}`, seconds);
      progress(`accuracy ${round}/${rounds}  ${title}: ${admitted.count} of ${CAPACITY}`);
      isolates = admitted.isolates;
      over.push(admitted.count - CAPACITY);
    }
    found.push({ title, isOurs, isolates, over: spreadOf(over) });
  }
  return found;
}

function contestants({ url, node }: Places): Contestant[] {
  const ours = (tier: string) => async (user: string) => ({
    urls: isolatesOf("ours").map((worker) => `${url(worker)}/identify`),
    headers: { "X-API-Key": await newUser(url("ours"), user, tier) },
  });
  const peer = (worker: string, path: string) => async (user: string) => ({
    urls: isolatesOf(worker).map((isolate) => `${url(isolate)}${path}`),
    headers: { "X-User": user, "X-API-Key": user, "X-Limit": String(CAPACITY) },
  });
  const all: Contestant[] = [
    { title: "**strict**", isOurs: true, prepare: ours("finite-strict") },
    { title: "**leased**", isOurs: true, prepare: ours("finite-leased") },
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
 * All clients at once, until they have been refused: in one go, since what is under way when wrk ends is not counted, and must not
 * have been admitted. Where that was too short, once more with another user and twice the time. @throws where they never are.
 */
async function admittedOf(
  { prepare, isByClock = false }: Contestant,
  user: string,
  seconds: number,
): Promise<{ count: number; isolates: number }> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const { urls, headers } = await prepare(`${user}-${attempt}`);
    const lastsSeconds = seconds * 2 ** attempt;
    const leftMs = WINDOW_MS - (Date.now() % WINDOW_MS);
    if (isByClock && leftMs < (lastsSeconds + 1) * 1_000)
      await new Promise((done) => setTimeout(done, leftMs));
    const connections = CLIENTS / urls.length;
    const runs = await Promise.all(
      urls.map((url) => load({ url, connections, seconds: lastsSeconds, headers })),
    );
    if (runs.some(({ errors }) => errors > 0)) throw new Error(`${urls[0]}: requests failed`);
    // Each client of each isolate has heard it.
    if (runs.every(({ refused }) => refused > connections)) {
      const count = runs.reduce((sum, { requests, refused }) => sum + requests - refused, 0);
      return { count, isolates: new Set(urls).size };
    }
  }
  throw new Error(`${user} is never refused`);
}

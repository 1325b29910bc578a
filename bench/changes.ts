/**
 * `npm run bench:changes`: 64 clients on four isolates, with the users' objects 0, 40 and 120 ms away, while an operator changes each
 * account every second: its tier, a grant and its end, resets, a block. Then the same while the policy changes every second too, and one of
 * the isolates, which runs in a process of its own, is killed again and again. Then 6,000 requests wait at once at a user whose tier
 * changes, while the policy does.
 *
 * Fails if a user was admitted more than any moment of each change allows in any window, if a request that was sent after an acknowledgement
 * was decided by the state of before (for the policy: {@link outdatedAnswers}), or if the ledger does not equal what was admitted, but for
 * what a killed isolate held and for requests without an answer. About three minutes; CHANGES_SECONDS is the time of each part. Counts only
 * and times nothing, so a busy machine changes nothing but the load.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  firstLimits,
  type Kind,
  putChangedPolicy,
  revisionOf,
  STEPS,
  tierNameOf,
} from "./account-changes.ts";
import { MAX_CLIENTS } from "./accuracy.ts";
import {
  type Answered,
  asAcknowledged,
  type Change,
  heldBy,
  outdatedAnswers,
  overAdmission,
  staleAnswers,
} from "./change-bounds.ts";
import { CLIENTS } from "./contenders.ts";
import {
  ACCURACY_MS,
  changedWorkers,
  farIsolates,
  FURTHER,
  mortalWorkers,
  mortalName,
} from "./rig-workers.ts";
import { startRig } from "./rig.ts";
import { admin, newUser } from "./setup.ts";

const SECONDS = Number(process.env["CHANGES_SECONDS"] ?? 10);
const EVERY_MS = 1_000;
/** Between two kills: time for the isolate to start and to be lent to again. */
const LIVES_MS = 2_500;
/** Leases are settled a second after they were lent; those of a dead isolate are charged five seconds after their end. */
const SETTLED_MS = 2_500;
const CHARGED_MS = 7_000;
/** An isolate that is not there is asked again so much later. */
const AGAIN_MS = 100;
/** Stale answers that are printed. */
const MAX_SHOWN = 20;
/** Between two requests of a client of the user who is lent to: no more than the machine can take. */
const LENT_EVERY_MS = 25;
/** A lease, and the call that settles it without the object's distance. */
const HELD_MS = 1_100;

interface Part {
  readonly distanceMs: number;
  readonly name: string;
  readonly kinds: readonly Kind[];
  readonly urls: string[];
  /** The isolate that is killed, and how; null: none. */
  readonly mortal: { readonly isolate: number; readonly kill: () => Promise<void> } | null;
  /** Whether 6,000 requests wait at once at a user of their own. */
  readonly isCrowded: boolean;
}

interface User {
  readonly id: string;
  readonly kind: Kind;
  readonly key: string;
  readonly answers: Answered[];
  readonly changes: Change[];
  /** Requests without an answer. */
  lost: number;
}

const ACCOUNTS: readonly Kind[] = ["tier", "grant", "reset", "block", "lent"];
const ALL: readonly Kind[] = [...ACCOUNTS, "policy"];

const shared = await mkdtemp(join(tmpdir(), "edge-limiter-bench-shared-"));
const rig = await startRig(await changedWorkers(), { shared });
const mortalRig = async () => startRig(await mortalWorkers(), { shared });
let mortals = await mortalRig();
let isWrong = false;
try {
  const owner = rig.url("ours");
  await putChangedPolicy(owner);
  const near = ["ours", ...FURTHER.map((n) => `ours-${n}`)];
  for (const [distanceMs, workers] of [
    [0, near],
    ...ACCURACY_MS.map((far) => [far, farIsolates(far)] as const),
  ] as const) {
    const urls = workers.map((worker) => rig.url(worker));
    const isolate = urls.length - 1;
    const withMortal = urls.with(isolate, mortals.url(mortalName(distanceMs)));
    const kill = async (): Promise<void> => {
      await mortals.kill();
      mortals = await mortalRig();
      withMortal[isolate] = mortals.url(mortalName(distanceMs));
    };
    const shares = { distanceMs, mortal: null, isCrowded: false };
    for (const part of [
      { ...shares, name: "accounts", kinds: ACCOUNTS, urls },
      { ...shares, name: "kills", kinds: ALL, urls: withMortal, mortal: { isolate, kill } },
      { ...shares, name: "crowd", kinds: ["policy" as const], urls, isCrowded: true },
    ])
      isWrong = (await measure(owner, part)) || isWrong;
  }
} finally {
  await mortals.close();
  await rig.close();
  await rm(shared, { recursive: true, force: true });
}
process.exit(isWrong ? 1 : 0);

/** @returns whether a guarantee was broken. */
async function measure(
  owner: string,
  { distanceMs, name, kinds, urls, mortal, isCrowded }: Part,
): Promise<boolean> {
  const newUserOf = async (kind: Kind): Promise<User> => {
    const id = `changes-${distanceMs}-${name}-${kind}`;
    const key = await newUser(owner, id, tierNameOf(kind));
    return { id, kind, key, answers: [], changes: [], lost: 0 };
  };
  const users = await Promise.all(kinds.map(newUserOf));
  const waiting = isCrowded ? await newUserOf("waiting") : null;
  const first = new Map(
    [...users, ...(waiting ? [waiting] : [])].map(({ kind }) => [kind, firstLimits(kind)]),
  );
  const endMs = Date.now() + SECONDS * 1_000;
  const isOver = (): boolean => Date.now() >= endMs;

  const clients = Array.from({ length: CLIENTS }, async (_, n) => {
    const user = users[n % users.length];
    const isolate = Math.floor(n / users.length) % urls.length;
    if (!user) return;
    while (!isOver()) {
      const isLost = !(await ask(user, isolate, urls));
      if (isLost || user.kind === "lent") await pause(isLost ? AGAIN_MS : LENT_EVERY_MS);
    }
  });
  const waves = async (user: User): Promise<void> => {
    while (!isOver()) {
      await Promise.all(Array.from({ length: MAX_CLIENTS }, (_, n) => ask(user, n % urls.length, urls)));
      await pause(EVERY_MS);
    }
  };
  const kills: { isolate: number; atMs: number }[] = [];
  const killer = async (): Promise<void> => {
    if (mortal === null) return;
    while (Date.now() + LIVES_MS < endMs) {
      await pause(LIVES_MS);
      kills.push({ isolate: mortal.isolate, atMs: Date.now() });
      await mortal.kill();
    }
  };
  const all = waiting ? [...users, waiting] : users;
  await Promise.all([
    ...clients,
    ...all.map((user) => operate(user, urls, mortal?.isolate ?? null, endMs)),
    ...(waiting ? [waves(waiting)] : []),
    killer(),
  ]);
  await pause(mortal ? CHARGED_MS : SETTLED_MS);

  let isBroken = false;
  for (const user of all) {
    const verdict = await judge(
      owner,
      user,
      first.get(user.kind) ?? firstLimits(user.kind),
      kills,
      distanceMs,
    );
    isBroken ||= !verdict.isOk;
    console.log(`${verdict.isOk ? "ok   " : "WRONG"} ${String(distanceMs).padStart(3)} ms  ${verdict.text}`);
  }
  if (mortal) console.log(`      ${String(distanceMs).padStart(3)} ms  ${kills.length} kills of one isolate`);
  return isBroken;
}

/** Makes the changes of a user each second, each through another isolate, but not through the one that is killed. */
async function operate(
  { id, kind, changes }: User,
  urls: readonly string[],
  mortal: number | null,
  endMs: number,
): Promise<void> {
  const steps = STEPS[kind];
  const isolates = urls.map((_, n) => n).filter((n) => n !== mortal);
  for (let i = 0; steps.length > 0 && Date.now() + EVERY_MS < endMs; i++) {
    await pause(EVERY_MS);
    const [step, isolate = 0, sentMs] = [steps[i % steps.length], isolates[i % isolates.length], Date.now()];
    const made = await step?.(urls[isolate] ?? "", id);
    if (made) changes.push({ ...made, isolate, sentMs, ackMs: Date.now() });
  }
}

async function judge(
  owner: string,
  { id, kind, answers, changes, lost }: User,
  first: ReturnType<typeof firstLimits>,
  kills: readonly { isolate: number; atMs: number }[],
  distanceMs: number,
): Promise<{ readonly isOk: boolean; readonly text: string }> {
  const isPolicy = kind === "policy";
  const inForce = isPolicy ? asAcknowledged(changes, answers, revisionOf) : changes;
  const over = overAdmission(first, inForce, answers);
  const stale = isPolicy
    ? outdatedAnswers(changes, answers, revisionOf)
    : staleAnswers(first, changes, answers);
  const admitted = answers.filter(({ isAllowed }) => isAllowed).length;
  const leased = answers.filter(({ isAllowed, source }) => isAllowed && source === "lease").length;
  // Of thousands that wait for one object, some do not reach it in time. None of these may be admitted.
  const unknown = answers.filter(
    ({ isKnown, isAllowed }) => !isKnown && (isAllowed || kind !== "waiting"),
  ).length;
  const overloaded = answers.filter(({ isKnown }) => !isKnown).length;
  const billed = await billedOf(owner, id);
  const held = heldBy(kills, answers, HELD_MS + distanceMs);
  const isLedgerExact = billed >= admitted - held && billed <= admitted + lost;
  const isChanged = changes.length > 0 || STEPS[kind].length === 0;
  return {
    isOk: over <= 0 && stale.length === 0 && unknown === 0 && isLedgerExact && isChanged,
    text:
      `${kind.padEnd(7)} ${answers.length} requests, ${admitted} admitted, ${leased} of them from leases ` +
      `(ledger: ${billed}${kills.length > 0 ? `, held by killed isolates: at most ${held}, without an answer: ${lost}` : ""}), ` +
      `${changes.length} changes; over ${Math.max(0, over).toFixed(3)}, stale ${stale.length}, without the object ${overloaded}` +
      stale
        .slice(0, MAX_SHOWN)
        .map((one) => `\n      ${lateness(one, changes)}`)
        .join(""),
  };
}

/** An answer beside the last change that was acknowledged before its request was sent. */
function lateness(one: Answered, changes: readonly Change[]): string {
  const change = changes.findLast(({ ackMs }) => ackMs < one.sentMs);
  const since = (ms: number): number => (change ? ms - change.ackMs : NaN);
  return (
    `by ${one.source} in isolate ${one.isolate}, sent ${since(one.sentMs)} ms after the acknowledgement, answered ${since(one.knownMs)} ms after: ` +
    `blocked ${one.isBlocked} instead of ${change?.isBlocked}, capacity ${one.capacity} instead of ${change?.limits.capacity}`
  );
}

/** @returns whether there was an answer. */
async function ask(user: User, isolate: number, urls: readonly string[]): Promise<boolean> {
  const answer = await answerOf(`${urls[isolate]}/identify`, user.key, isolate).catch(() => null);
  if (answer) user.answers.push(answer);
  else user.lost += 1;
  return answer !== null;
}

async function answerOf(url: string, key: string, isolate: number): Promise<Answered> {
  const sentMs = Date.now();
  const response = await fetch(url, { headers: { "X-API-Key": key } });
  await response.arrayBuffer();
  const source = /desc="([a-z-]+)"/.exec(response.headers.get("Server-Timing") ?? "")?.[1] ?? "none";
  return {
    isolate,
    sentMs,
    knownMs: Date.now(),
    isAllowed: response.status === 200,
    isBlocked: response.status === 403,
    isKnown: [200, 403, 429].includes(response.status) && ["strict", "lease", "deny-cache"].includes(source),
    source,
    capacity: Number(/"limit";q=(\d+)/.exec(response.headers.get("RateLimit-Policy") ?? "")?.[1]),
  };
}

/** The requests in the ledger. */
async function billedOf(url: string, user: string): Promise<number> {
  const answer = await admin(url, "GET", `/accounts/${user}/usage?granularity=hour`);
  const rows: unknown = Reflect.get(answer, "usage") ?? Reflect.get(answer, "rows");
  if (!Array.isArray(rows)) throw new Error(`no usage: ${JSON.stringify(answer).slice(0, 200)}`);
  return rows.reduce((sum: number, row: { requests: number }) => sum + row.requests, 0);
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

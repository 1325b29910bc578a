/**
 * `npm run bench:changes`: 64 clients on four isolates, with the users' objects 0, 40 and 120 ms away, while an operator changes each
 * account every second: its tier, a grant and its end, resets, a block. Fails if a user was admitted more than any moment of each change
 * allows in any window, if a request that was sent after an acknowledgement was decided by the state of before, or if the ledger does not
 * equal what was admitted. About a minute; CHANGES_SECONDS is the time at each distance. Counts only and times nothing, so a busy machine changes nothing but the load.
 */
import { type Change, type Answered, overAdmission, staleAnswers } from "./change-bounds.ts";
import { CLIENTS } from "./contenders.ts";
import { ACCURACY_MS, ADMIN_TOKEN, changedWorkers, farIsolates, FURTHER } from "./rig-workers.ts";
import { startRig } from "./rig.ts";

const SECONDS = Number(process.env["CHANGES_SECONDS"] ?? 10);
const EVERY_MS = 1_000;
/** Leases are settled a second after they were lent. */
const SETTLED_MS = 2_500;

/** Small enough to be used up by few requests a second: a busy machine sends no more. */
const LARGE = { capacity: 60, perMs: 0.01 };
const SMALL = { capacity: 20, perMs: 0.005 };
const EXTRA = 20;
const tierOf = ({ capacity, perMs }: typeof LARGE) => ({
  limits: [{ name: "limit", kind: "bucket", tokens: perMs * 1_000, per: "second", burst: capacity }],
});
const POLICY = {
  schema: 1,
  anonymousTier: "small",
  defaultTier: "small",
  tiers: { large: tierOf(LARGE), small: tierOf(SMALL) },
  routes: [{ match: "/*", cost: 1 }],
};

/** What an operator does to an account, in turn, and the state that each leaves. */
type Step = (url: string, user: string) => Promise<Pick<Change, "limits" | "isReset" | "isBlocked">>;
const ALLOWED = { isReset: false, isBlocked: false };
const STEPS: Readonly<Record<string, readonly Step[]>> = {
  tier: [
    async (url, user) => (
      await admin(url, "PATCH", `/accounts/${user}`, { tier: "small" }),
      { ...ALLOWED, limits: SMALL }
    ),
    async (url, user) => (
      await admin(url, "PATCH", `/accounts/${user}`, { tier: "large" }),
      { ...ALLOWED, limits: LARGE }
    ),
  ],
  grant: [
    async (url, user) => {
      const until = new Date(Date.now() + 3_600_000).toISOString();
      const made = await admin(url, "POST", `/accounts/${user}/grants`, {
        limit: "limit",
        amount: EXTRA,
        until,
      });
      grants.set(user, String(Reflect.get(made, "grantId") ?? Reflect.get(made, "id")));
      return { ...ALLOWED, limits: { ...LARGE, capacity: LARGE.capacity + EXTRA } };
    },
    async (url, user) => {
      await admin(url, "DELETE", `/accounts/${user}/grants/${grants.get(user)}`, undefined);
      return { ...ALLOWED, limits: LARGE };
    },
  ],
  reset: [
    async (url, user) => {
      await admin(url, "POST", `/accounts/${user}/reset`, {});
      return { limits: LARGE, isReset: true, isBlocked: false };
    },
  ],
  block: [
    async (url, user) => {
      await admin(url, "PATCH", `/accounts/${user}`, { status: "blocked" });
      return { limits: LARGE, isReset: false, isBlocked: true };
    },
    async (url, user) => (
      await admin(url, "PATCH", `/accounts/${user}`, { status: "active" }),
      { ...ALLOWED, limits: LARGE }
    ),
  ],
};
/** The last grant of each user. */
const grants = new Map<string, string>();

const rig = await startRig(await changedWorkers());
let isWrong = false;
try {
  const owner = rig.url("ours");
  await admin(owner, "PUT", "/policy", { document: POLICY }, { "If-Match": "*" });
  const near = ["ours", ...FURTHER.map((n) => `ours-${n}`)];
  for (const [ms, workers] of [
    [0, near],
    ...ACCURACY_MS.map((far) => [far, farIsolates(far)] as const),
  ] as const)
    isWrong =
      (await measure(
        ms,
        owner,
        workers.map((worker) => rig.url(worker)),
      )) || isWrong;
} finally {
  await rig.close();
}
process.exit(isWrong ? 1 : 0);

/** @returns whether a guarantee was broken. */
async function measure(ms: number, owner: string, urls: readonly string[]): Promise<boolean> {
  const users = await Promise.all(
    Object.keys(STEPS).map(async (kind) => {
      const id = `changes-${ms}-${kind}`;
      await admin(owner, "POST", "/accounts", { id, tier: "large" });
      const key = String(Reflect.get(await admin(owner, "POST", `/accounts/${id}/keys`, {}), "key"));
      return { id, kind, key, answers: [] as Answered[], changes: [] as Change[] };
    }),
  );
  const endMs = Date.now() + SECONDS * 1_000;
  const clients = Array.from({ length: CLIENTS }, async (_, n) => {
    const user = users[n % users.length];
    const url = urls[Math.floor(n / users.length) % urls.length];
    if (!user || !url) throw new Error("there are users and isolates");
    while (Date.now() < endMs) user.answers.push(await answerOf(url, user.key));
  });
  const operators = users.map(async ({ id, kind, changes }) => {
    const steps = STEPS[kind] ?? [];
    for (let i = 0; Date.now() + EVERY_MS < endMs; i++) {
      await pause(EVERY_MS);
      const [step, sentMs] = [steps[i % steps.length], Date.now()];
      // Any isolate may take the call.
      const made = await step?.(urls[i % urls.length] ?? owner, id);
      if (made) changes.push({ ...made, sentMs, ackMs: Date.now() });
    }
  });
  await Promise.all([...clients, ...operators]);
  await pause(SETTLED_MS);
  let isBroken = false;
  for (const { id, kind, answers, changes } of users) {
    const over = overAdmission(LARGE, changes, answers);
    const stale = staleAnswers(LARGE, changes, answers);
    const admitted = answers.filter(({ isAllowed }) => isAllowed).length;
    const unknown = answers.filter(({ isKnown }) => !isKnown).length;
    const billed = await billedOf(owner, id);
    const isOk = over <= 0 && stale === 0 && billed === admitted && unknown === 0 && changes.length > 0;
    isBroken ||= !isOk;
    console.log(
      `${isOk ? "ok   " : "WRONG"} ${String(ms).padStart(3)} ms  ${kind.padEnd(6)} ${answers.length} requests, ${admitted} admitted ` +
        `(ledger: ${billed}), ${changes.length} changes; over ${Math.max(0, over).toFixed(3)}, stale ${stale}, without the object ${unknown}`,
    );
  }
  return isBroken;
}

async function answerOf(url: string, key: string): Promise<Answered> {
  const sentMs = Date.now();
  const response = await fetch(`${url}/identify`, { headers: { "X-API-Key": key } });
  await response.arrayBuffer();
  const source = /desc="([a-z-]+)"/.exec(response.headers.get("Server-Timing") ?? "")?.[1] ?? "none";
  return {
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
  const answer = await admin(url, "GET", `/accounts/${user}/usage?granularity=hour`, undefined);
  const rows: unknown = Reflect.get(answer, "usage") ?? Reflect.get(answer, "rows");
  if (!Array.isArray(rows)) throw new Error(`no usage: ${JSON.stringify(answer).slice(0, 200)}`);
  return rows.reduce((sum: number, row: { requests: number }) => sum + row.requests, 0);
}

async function admin(
  url: string,
  method: string,
  path: string,
  body: unknown,
  more: Readonly<Record<string, string>> = {},
): Promise<object> {
  const headers = { Authorization: `Bearer ${ADMIN_TOKEN}`, "Content-Type": "application/json", ...more };
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const response = await fetch(`${url}/api/v1/admin${path}`, { method, headers, ...sent });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
  const answer: unknown = text === "" ? {} : JSON.parse(text);
  return typeof answer === "object" && answer !== null ? answer : {};
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

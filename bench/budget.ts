/**
 * `npm run bench:budget`: fails if the size of the bundle, or the number of billed operations per 1,000 decisions, exceeds
 * bench/budget.json. Counts only and times nothing, so it gives the same result on every machine. To raise a figure on purpose,
 * change the file in the same commit.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { newcomers } from "./cost.ts";
import { type Figures, type Measured, linesOf, parseBudget } from "./over-budget.ts";
import { figuresOf, perThousand, type Series } from "./per-thousand.ts";
import { countedWorker, productBundle, shieldedWorkers } from "./rig-workers.ts";
import { type Rig, startRig } from "./rig.ts";
import { newUser, putPolicy } from "./setup.ts";
import { credentialShield, floodShield } from "./shield-series.ts";
import { gzipKbOf } from "./size.ts";

const NEWCOMERS = 200;
const NEWCOMERS_CONCURRENCY = 8;

const AGENT = "budget";
/** Nothing listens there. */
const REFUSING = "http://127.0.0.1:9";

type Caller = "allowed" | "strict" | "leased" | "denied" | "shadow" | "shadowed" | "at1" | "at10" | "at100";
/** `finite` refills by one a day, so that the rows written depend on the number of decisions, not on their speed. */
const TIERS: Readonly<Record<Caller, string>> = {
  strict: "finite-strict",
  leased: "auto",
  // A rule lets it through: it is decided without limits, but like any other user's requests.
  allowed: "auto",
  denied: "denied",
  shadow: "shadow",
  shadowed: "shadowed",
  at1: "pro",
  at10: "pro",
  at100: "pro",
};
/** Requests of a user with a steady rate, and the time between two. Others send without a pause. */
const PACE: Partial<Readonly<Record<Caller, Pick<Series, "count" | "everyMs">>>> = {
  at1: { count: 20, everyMs: 1_000 },
  at10: { count: 100, everyMs: 100 },
  at100: { count: 500, everyMs: 10 },
};

type Option = "authNone" | "deprecated" | "traced" | "preflight" | "cacheHit" | "cacheMiss" | "transformed";
/** Each has its own address, so that its object is its own. */
const OPTIONS: Readonly<Record<Option, Series>> = {
  authNone: {
    path: "/hook",
    headersOf: () => ({
      ...from(1),
      Authorization: "Bearer of-the-upstream",
      "X-API-Key": "of-the-upstream",
    }),
    status: 200,
  },
  deprecated: { path: "/old", headersOf: () => from(2), status: 200 },
  traced: {
    headersOf: () => ({
      ...from(3),
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      tracestate: "vendor=1",
    }),
    status: 200,
  },
  preflight: {
    method: "OPTIONS",
    headersOf: () => ({
      ...from(4),
      Origin: "https://app.example",
      "Access-Control-Request-Method": "PUT",
      "Access-Control-Request-Headers": "x-api-key",
    }),
    status: 200,
  },
  cacheHit: { path: "/cached", headersOf: () => from(5), status: 200 },
  // Each has a page of its own.
  cacheMiss: { path: "/cached", headersOf: (n) => ({ ...from(6), "X-Page": String(n) }), status: 200 },
  transformed: { path: "/changed", headersOf: () => from(9), status: 200 },
};

const budget = parseBudget(JSON.parse(await readFile(join(import.meta.dirname, "budget.json"), "utf8")));
const [gzipKb, operations] = await Promise.all([productBundle().then(gzipKbOf), allFigures()]);
const lines = linesOf({ gzipKb, ...operations }, budget);
for (const { figure, measured, max, isOver } of lines) {
  console.log(
    `${isOver ? "OVER" : "ok  "} ${figure.padEnd(38)} ${measured.toFixed(1).padStart(8)} of at most ${max}`,
  );
}
const isOver = lines.some((line) => line.isOver);
if (isOver) console.error("Over budget: reduce the figures marked OVER, or raise them in bench/budget.json.");
// Exits at once, without waiting for workerd's pipes to close.
process.exit(isOver ? 1 : 0);

async function allFigures(): Promise<Omit<Measured, "gzipKb">> {
  const rig = await startRig([...(await countedWorker("embedded")), ...(await shieldedWorkers())]);
  try {
    const url = rig.url("counted");
    await putPolicy(url);
    const busy = {
      strict: await ofUser(url, "strict"),
      leased: await ofUser(url, "leased"),
      denied: await ofUser(url, "denied"),
      shadow: await ofUser(url, "shadow"),
      shadowed: await ofUser(url, "shadowed"),
      newcomers: figuresOf(await newcomers(url, NEWCOMERS, NEWCOMERS_CONCURRENCY)),
    };
    // Other isolates, whose operations are counted apart, while a user sends a request a second.
    const [at1, shields] = await Promise.all([ofUser(url, "at1"), ofShields(rig)]);
    const at10 = await ofUser(url, "at10");
    const at100 = await ofUser(url, "at100");
    const options = await ofOptions(url);
    const credentialChecks = {
      authNone: options.authNone.credentialChecks,
      flooded: shields.flooded.credentialChecks,
      guessed: shields.guessed.credentialChecks,
      shielded: shields.shielded.credentialChecks,
    };
    return {
      ...busy,
      at1,
      at10,
      at100,
      ...options,
      ...shields,
      allowed: await allowed(url),
      pooled: await pooled(url),
      credentialChecks,
    };
  } finally {
    await rig.close();
  }
}

/** Under a policy with a rule that all requests match. */
async function allowed(url: string): Promise<Figures> {
  await putPolicy(url, { rules: [{ name: "all", if: { userAgent: [AGENT] }, then: "allow" }] });
  return ofUser(url, "allowed");
}

/** Of two targets, one refuses connections: its requests are sent again, and then it is ejected. */
async function pooled(url: string): Promise<Figures> {
  await putPolicy(url, {
    anonymousTier: "auto",
    upstreams: { api: { targets: [{ url: "service:ORIGIN" }, { url: REFUSING }] } },
    routes: [{ match: "/*", upstream: "pool:api" }],
  });
  return perThousand(url, { headersOf: () => from(5), status: 200 });
}

async function ofUser(url: string, caller: Caller): Promise<Figures> {
  const headers = {
    "X-API-Key": await newUser(url, `budget-${caller}`, TIERS[caller]),
    "User-Agent": AGENT,
  };
  const status = caller === "denied" ? 429 : 200;
  return perThousand(url, { headersOf: () => headers, status, ...PACE[caller] });
}

async function ofOptions(url: string): Promise<Record<Option, Figures>> {
  await putPolicy(url, {
    anonymousTier: "auto",
    routes: [
      { match: "/hook", auth: "none" },
      {
        match: "/changed",
        request: {
          path: "/new",
          headers: { set: { "x-plan": "${tier}" } },
          query: { set: { id: "${requestId}" } },
        },
        response: { headers: { remove: ["server"] } },
      },
      { match: "/old", deprecated: "2026-01-01", sunset: "2100-01-01" },
      { match: "/cached", cache: { ttlSeconds: 3_600, share: "all", vary: { headers: ["X-Page"] } } },
      { match: "/*" },
    ],
  });
  return {
    authNone: await perThousand(url, OPTIONS.authNone),
    deprecated: await perThousand(url, OPTIONS.deprecated),
    traced: await perThousand(url, OPTIONS.traced),
    preflight: await perThousand(url, OPTIONS.preflight),
    cacheHit: await perThousand(url, OPTIONS.cacheHit),
    cacheMiss: await perThousand(url, OPTIONS.cacheMiss),
    transformed: await perThousand(url, OPTIONS.transformed),
  };
}

async function ofShields(rig: Rig): Promise<Record<"flooded" | "guessed" | "shielded", Figures>> {
  return {
    flooded: await floodShield(rig.url("flooded")),
    ...(await credentialShield(rig.url("guessed"), rig.url("flooded"))),
  };
}

/** A client's address. */
function from(n: number): Readonly<Record<string, string>> {
  return { "CF-Connecting-IP": `198.51.100.${n}`, "User-Agent": AGENT };
}

/**
 * Counts what the shields let an attack cost: requests that the flood shield rejects, guesses that the credential shield rejects, and the
 * requests of a good key behind the same address meanwhile.
 */
import { SignJWT } from "jose";
import { counted } from "./cost.ts";
import type { Figures } from "./over-budget.ts";
import { idle, OtherStatus, perThousand, type Series, statusOf } from "./per-thousand.ts";
import { JWT_VARIABLES } from "./rig-workers.ts";
import { newUser, putPolicy } from "./setup.ts";

const ADDRESS = { "CF-Connecting-IP": "198.51.100.9" };
/** Fewer than a thousand: the isolate forgets after ten seconds that an address is guessing, and lets one guess through. */
const GUESSES = 200;
/** Windows of the simulated limits begin with each minute, and memory of a guesser ends: then the count begins anew. */
const ATTEMPTS = 5;
/** More guesses than the limits of `shieldedWorkers` allow. */
const MAX_TRIES = 20;

/** Requests of an address that is over the flood shield's limit. */
export async function floodShield(url: string): Promise<Figures> {
  await putPolicy(url);
  return undisturbed(async () => {
    const series: Series = { headersOf: () => ADDRESS, status: 429 };
    await until429(url, series);
    // The request that passed has an object, which writes when its user pauses.
    await idle();
    return perThousand(url, series);
  });
}

/**
 * Guesses of an address that is over the credential shield's limit, and the requests of a good key that comes from there too.
 * @param other a deployment whose keys are of the right form, and unknown to this one.
 */
export async function credentialShield(
  url: string,
  other: string,
): Promise<{ readonly guessed: Figures; readonly shielded: Figures }> {
  await putPolicy(url);
  const key = await newUser(url, "budget-shielded", "auto");
  const good: Series = { headersOf: () => ({ ...ADDRESS, "X-API-Key": key }), status: 200 };
  const guesses: Series = { headersOf: await guessing(other), status: 429, count: GUESSES };
  // An isolate lets only those keys through that it knew before.
  await statusOf(url, good, 0);
  // Calls and writes that follow a user's pause are not the guesses'.
  await idle();
  const before = await counted(url);
  await until429(url, guesses);
  const after = await counted(url);
  // A counter that sees nothing would find that rejected guesses cost nothing.
  if (after.kvReads === before.kvReads || after.credentialChecks === before.credentialChecks)
    throw new Error("guesses below the shield's limit cost no read of KV or no check of a credential");
  return {
    guessed: await undisturbed(async () => {
      await until429(url, guesses);
      return perThousand(url, guesses);
    }),
    shielded: await undisturbed(async () => {
      await until429(url, guesses);
      return perThousand(url, good);
    }, 1_000),
  };
}

/** Unknown keys, and tokens that another has signed: of the form of good ones, since others cost nothing anyway. */
async function guessing(other: string): Promise<Series["headersOf"]> {
  const each = GUESSES / 2;
  const keys: string[] = [];
  for (let n = 0; n < each; n++) keys.push(await newUser(other, `budget-guess-${n}`, "auto"));
  const tokens = await Promise.all(
    keys.map((_, n) =>
      new SignJWT({ sub: `budget-${n}`, iss: JWT_VARIABLES.JWT_ISSUER, aud: JWT_VARIABLES.JWT_AUDIENCE })
        .setProtectedHeader({ alg: JWT_VARIABLES.JWT_ALGORITHM })
        .setExpirationTime("1h")
        .sign(crypto.getRandomValues(new Uint8Array(32))),
    ),
  );
  return (n) => {
    const at = (n >> 1) % each;
    return n % 2 === 0
      ? { ...ADDRESS, "X-API-Key": keys.at(at) ?? "" }
      : { ...ADDRESS, Authorization: `Bearer ${tokens.at(at)}` };
  };
}

async function until429(url: string, series: Series): Promise<void> {
  for (let n = 0; n < MAX_TRIES; n++) if ((await statusOf(url, series, n)) === 429) return;
  throw new Error(`the shield of ${url} lets ${MAX_TRIES} requests through`);
}

/**
 * Counts again if a window ended meanwhile, so that a request was let through, or if the isolate read KV for what it keeps, as it does
 * the policy every 20 s.
 */
async function undisturbed(count: () => Promise<Figures>, maxReads = 0): Promise<Figures> {
  for (let attempt = 1; ; attempt++) {
    try {
      const figures = await count();
      if (figures.kvReads <= maxReads || attempt === ATTEMPTS) return figures;
    } catch (thrown) {
      if (!(thrown instanceof OtherStatus) || attempt === ATTEMPTS) throw thrown;
    }
  }
}

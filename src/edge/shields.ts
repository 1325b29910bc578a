/**
 * The two optional shields, in front of authentication (docs/rules.md):
 * - the flood shield counts the requests of an address, and rejects those beyond its limit;
 * - the credential shield counts the wrong credentials of an address. Once they are over its limit, the isolate remembers the address for
 *   10 s: credentials that it has seen to be good pass, and any other is rejected before anything is read or verified.
 *
 * An address without a name, as of calls from another Worker, has no shield: all of these callers would share it.
 */
import { andThen } from "../and-then.ts";
import type { Counter, MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import { BoundedCache } from "../bounded-cache.ts";
import { authenticate, type Authentication, type Credentials, isKnown } from "../identity/authenticate.ts";
import { clientIp, UNKNOWN_IP } from "../identity/client-ip.ts";
import type { Log } from "../log.ts";
import type { Fault, Parsed } from "../policy/fault.ts";
import type { WaitUntil } from "../wait-until.ts";
import { ShieldLimit, type ShieldName } from "./shield-limit.ts";

/** How long an isolate remembers an address, and the shortest period that a limit of the platform can have. */
export const SHIELD_MS = 10_000;
/** Addresses that an isolate remembers, about 1 MB. Beyond that, the oldest is forgotten and guesses on. */
const ADDRESSES = 10_000;

/** `shielded`: the credential was not looked at. */
export type Identification = Authentication | { readonly kind: "shielded" };

export class Shields {
  readonly #floods: ShieldLimit | null;
  readonly #guesses: ShieldLimit | null;
  readonly #rejections: Readonly<Record<"flood" | "credential", Counter>>;
  readonly #guessing = new BoundedCache<true>(ADDRESSES);

  /** @param floods, guesses null: not bound. */
  constructor(floods: ShieldLimit | null, guesses: ShieldLimit | null, metrics: MetricDeltas) {
    this.#floods = floods;
    this.#guesses = guesses;
    this.#rejections = {
      flood: metrics.counter("shieldRejections", ["flood"]),
      credential: metrics.counter("shieldRejections", ["credential"]),
    };
  }

  /** Whether {@link isFlood} asks anything. */
  get hasFloodShield(): boolean {
    return this.#floods !== null;
  }

  /** Whether the client's address sends too many requests. Counts this one. */
  isFlood(headers: Headers, nowMs: number): boolean | Promise<boolean> {
    if (this.#floods === null) return false;
    const address = addressOf(headers);
    if (address === null) return false;
    return this.#floods.count(address, nowMs).then((isOver) => {
      if (isOver) this.#rejections.flood.add();
      return isOver;
    });
  }

  /** Authenticates a request, unless its address is guessing. */
  identify(
    headers: Headers,
    credentials: Credentials,
    nowMs: number,
    waitUntil: WaitUntil,
  ): Identification | Promise<Identification> {
    const guesses = this.#guesses;
    const address = guesses === null ? null : addressOf(headers);
    if (guesses === null || address === null) return authenticate(headers, credentials, nowMs);
    if (this.#guessing.get(address, nowMs) && !isKnown(headers, credentials)) {
      this.#rejections.credential.add();
      return { kind: "shielded" };
    }
    return andThen(authenticate(headers, credentials, nowMs), (result) => {
      if (result.kind === "invalid") waitUntil(this.#countGuess(guesses, address));
      return result;
    });
  }

  async #countGuess(guesses: ShieldLimit, address: string): Promise<void> {
    if (!(await guesses.count(address, Date.now()))) return;
    const nowMs = Date.now();
    this.#guessing.set(address, true, nowMs + SHIELD_MS);
  }
}

/** The shields that the environment binds. A fault if something else is bound under their names. */
export function shieldsOf(env: object, metrics: MetricDeltas, log: Log): Parsed<Shields> {
  const faults: Fault[] = [];
  const limitOf = (name: ShieldName): ShieldLimit | null => {
    const bound: unknown = Reflect.get(env, name);
    if (bound === undefined) return null;
    if (isRateLimit(bound)) return new ShieldLimit(name, bound, log);
    faults.push({ path: `/${name}`, message: "must be bound with [[ratelimits]] in wrangler.toml" });
    return null;
  };
  const shields = new Shields(limitOf("FLOOD_SHIELD"), limitOf("CREDENTIAL_SHIELD"), metrics);
  return faults.length > 0 ? { ok: false, faults } : { ok: true, value: shields };
}

function addressOf(headers: Headers): string | null {
  const address = clientIp(headers.get("CF-Connecting-IP"));
  return address === UNKNOWN_IP ? null : address;
}

function isRateLimit(value: unknown): value is RateLimit {
  return typeof value === "object" && value !== null && "limit" in value && typeof value.limit === "function";
}

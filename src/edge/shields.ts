/**
 * The two optional shields, in front of authentication (docs/rules.md):
 * - the flood shield counts the requests of an address, and rejects those beyond its limit;
 * - the credential shield counts the wrong credentials of an address. Once they are over its limit, the isolate remembers the address for
 *   10 s: credentials that it has seen to be good pass, and any other is rejected before anything is read or verified.
 *
 * An address without a name, as of calls from another Worker, has no shield: all of these callers would share it. The shields are a module of
 * their own (src/shield-module.ts), which isolates without them never load.
 */
import { andThen } from "../and-then.ts";
import type { MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import { authenticate, type Authentication, type Credentials, isKnown } from "../identity/authenticate.ts";
import { clientIp, UNKNOWN_IP } from "../identity/client-ip.ts";
import type { Log } from "../log.ts";
import type { Fault, Parsed } from "../policy/fault.ts";
import { loadAddressShields } from "../shield-module.ts";
import type { WaitUntil } from "../wait-until.ts";
import type { AddressShields, ShieldLimits } from "./address-shields.ts";

/** How long an isolate remembers an address, and the shortest period that a limit of the platform can have. */
export const SHIELD_MS = 10_000;

/** `shielded`: the credential was not looked at. */
export type Identification = Authentication | { readonly kind: "shielded" };

/** The services that requests pass. */
interface Shielded {
  /** Null: none is bound. */
  readonly shields: Shields | null;
}

/** The shields that are bound, at least one. */
export class Shields {
  readonly #limits: ShieldLimits;
  readonly #metrics: MetricDeltas;
  readonly #log: Log;
  #loaded: AddressShields | null = null;

  constructor(limits: ShieldLimits, metrics: MetricDeltas, log: Log) {
    this.#limits = limits;
    this.#metrics = metrics;
    this.#log = log;
  }

  /** A promise only for the first requests of an isolate. */
  byAddress(): AddressShields | Promise<AddressShields> {
    return this.#loaded ?? this.#load();
  }

  async #load(): Promise<AddressShields> {
    const Loaded = await loadAddressShields();
    return (this.#loaded ??= new Loaded(this.#limits, this.#metrics, this.#log, SHIELD_MS));
  }
}

/** Authenticates a request, unless its address is guessing credentials. */
export function identify(
  headers: Headers,
  { shields, credentials }: Shielded & { readonly credentials: Credentials },
  nowMs: number,
  waitUntil: WaitUntil,
): Identification | Promise<Identification> {
  const address = shields && addressOf(headers);
  if (!shields || address === null) return authenticate(headers, credentials, nowMs);
  return andThen(shields.byAddress(), (byAddress) => {
    if (byAddress.isGuessing(address, nowMs) && !isKnown(headers, credentials)) return byAddress.shielded();
    return andThen(authenticate(headers, credentials, nowMs), (result) => {
      if (result.kind === "invalid") waitUntil(byAddress.countGuess(address));
      return result;
    });
  });
}

/** Whether the client's address sends too many requests. Counts this one. */
export function isFlood(headers: Headers, { shields }: Shielded, nowMs: number): boolean | Promise<boolean> {
  const address = shields && addressOf(headers);
  if (!shields || address === null) return false;
  return andThen(shields.byAddress(), (byAddress) => byAddress.isFlood(address, nowMs));
}

/** The shields that the environment binds; null: none. A fault if something else is bound under their names. */
export function shieldsOf(env: object, metrics: MetricDeltas, log: Log): Parsed<Shields | null> {
  const faults: Fault[] = [];
  const limitOf = (name: keyof ShieldLimits): RateLimit | null => {
    const bound: unknown = Reflect.get(env, name);
    if (isRateLimit(bound)) return bound;
    if (bound !== undefined) {
      faults.push({ path: `/${name}`, message: "must be bound with [[ratelimits]] in wrangler.toml" });
    }
    return null;
  };
  const limits = { FLOOD_SHIELD: limitOf("FLOOD_SHIELD"), CREDENTIAL_SHIELD: limitOf("CREDENTIAL_SHIELD") };
  if (faults.length > 0) return { ok: false, faults };
  const isBound = limits.FLOOD_SHIELD !== null || limits.CREDENTIAL_SHIELD !== null;
  return { ok: true, value: isBound ? new Shields(limits, metrics, log) : null };
}

function addressOf(headers: Headers): string | null {
  const address = clientIp(headers.get("CF-Connecting-IP"));
  return address === UNKNOWN_IP ? null : address;
}

function isRateLimit(value: unknown): value is RateLimit {
  return typeof value === "object" && value !== null && "limit" in value && typeof value.limit === "function";
}

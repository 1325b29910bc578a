/** What the shields count and remember by address (shields.ts). A module of its own: it keeps no state that the bundle keeps too. */
import type { Counter, MetricDeltas } from "../analytics/metrics/metric-deltas.ts";
import { BoundedCache } from "../bounded-cache.ts";
import type { Log } from "../log.ts";
import { ShieldLimit } from "./shield-limit.ts";

/** Addresses that an isolate remembers, about 1 MB. Beyond that, the oldest is forgotten and guesses on. */
const ADDRESSES = 10_000;

/** The limits by the names of their bindings; null: not bound. */
export interface ShieldLimits {
  readonly FLOOD_SHIELD: RateLimit | null;
  readonly CREDENTIAL_SHIELD: RateLimit | null;
}

const SHIELDED = { kind: "shielded" } as const;

export class AddressShields {
  readonly #floods: ShieldLimit | null;
  readonly #guesses: ShieldLimit | null;
  readonly #rejections: Readonly<Record<"flood" | "credential", Counter>>;
  readonly #guessing = new BoundedCache<true>(ADDRESSES);
  readonly #forMs: number;

  /** @param forMs how long an address that guesses is remembered. */
  constructor(
    { FLOOD_SHIELD, CREDENTIAL_SHIELD }: ShieldLimits,
    metrics: MetricDeltas,
    log: Log,
    forMs: number,
  ) {
    this.#floods = FLOOD_SHIELD && new ShieldLimit("FLOOD_SHIELD", FLOOD_SHIELD, log);
    this.#guesses = CREDENTIAL_SHIELD && new ShieldLimit("CREDENTIAL_SHIELD", CREDENTIAL_SHIELD, log);
    this.#forMs = forMs;
    this.#rejections = {
      flood: metrics.counter("shieldRejections", ["flood"]),
      credential: metrics.counter("shieldRejections", ["credential"]),
    };
  }

  /** Whether the address sends too many requests. Counts this one. */
  isFlood(address: string, nowMs: number): boolean | Promise<boolean> {
    if (this.#floods === null) return false;
    return this.#floods.count(address, nowMs).then((isOver) => {
      if (isOver) this.#rejections.flood.add();
      return isOver;
    });
  }

  /** Whether the address has sent too many wrong credentials. */
  isGuessing(address: string, nowMs: number): boolean {
    return this.#guessing.get(address, nowMs) ?? false;
  }

  /** The result of a request whose credential is not looked at. Counts it. */
  shielded(): typeof SHIELDED {
    this.#rejections.credential.add();
    return SHIELDED;
  }

  /** Counts a wrong credential. Never rejects. */
  async countGuess(address: string): Promise<void> {
    if (this.#guesses === null || !(await this.#guesses.count(address, Date.now()))) return;
    const nowMs = Date.now();
    this.#guessing.set(address, true, nowMs + this.#forMs);
  }
}

/**
 * Operators, who change the account as the admin API does: the object first, then the memory of the isolate that answers them. Each
 * change has a number, which its audit entry carries: so a change is recorded when it is committed, however often it is sent.
 */
import { type Ack, keyIdOf } from "./history.ts";
import type { Isolate } from "./isolate.ts";
import type { Network } from "./network.ts";
import { type ObjectHost, SUBJECT } from "./object-host.ts";
import type { OperatorChange } from "./schedule.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** An operator who has no answer tries again after this time. */
const RETRY_MS = 250;
const MAX_TRIES = 12;

export class Operators {
  /** The changes that were acknowledged. */
  readonly acks: Ack[] = [];
  readonly #time: VirtualTime;
  readonly #host: ObjectHost;
  readonly #network: Network;

  constructor(time: VirtualTime, host: ObjectHost, network: Network) {
    this.#time = time;
    this.#host = host;
    this.#network = network;
  }

  async change(isolate: Isolate, wanted: OperatorChange): Promise<void> {
    const { place, limiter } = isolate;
    const localMs = this.#time.nowMs + this.#host.skewMs;
    const isTimed = (wanted.kind === "grant" || wanted.kind === "key") && wanted.lastsMs !== null;
    const change = isTimed ? { ...wanted, untilMs: localMs + wanted.lastsMs } : wanted;
    const number = this.#host.announce(change);
    const [method, args] = changeCall(change, number, localMs);
    await this.#time.in(place, async () => {
      for (let tries = 1; ; tries++) {
        try {
          await this.#network.call(isolate.index, method, args);
          this.acks.push({ number, atMs: this.#time.nowMs });
          break;
        } catch {
          if (tries === MAX_TRIES) break;
          await this.#time.wait(RETRY_MS);
        }
      }
      limiter.forget(SUBJECT, Date.now());
    });
  }
}

export function newKey(key: number, expiresMs: number | null) {
  return {
    keyId: keyIdOf(key),
    hash: String(key).repeat(64),
    name: "",
    scopes: ["call" as const],
    expiresMs,
  };
}

function changeCall(
  change: OperatorChange,
  number: number,
  localMs: number,
): [method: string, args: unknown[]] {
  const by = { actor: "op", reason: String(number), callId: `call-${number}` };
  switch (change.kind) {
    case "tier":
      return ["changeAccount", [{ tier: change.tier }, by]];
    case "status":
      return ["changeAccount", [{ status: change.status }, by]];
    case "numbers":
      return [
        "changeAccount",
        [{ overrides: change.burst === null ? {} : { minute: { burst: change.burst } } }, by],
      ];
    case "grant": {
      const { limit, amount, untilMs } = change;
      const grant = {
        grantId: `grant-${number}`,
        limit,
        amount,
        untilMs: untilMs ?? localMs,
        createdMs: localMs,
      };
      return ["grant", [grant, by]];
    }
    case "reset":
      return ["reset", [change.limits, by]];
    case "key":
      return change.valid
        ? ["addKey", [newKey(change.key, change.untilMs), by]]
        : ["revokeKey", [keyIdOf(change.key), by]];
  }
}

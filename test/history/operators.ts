/**
 * Operators, who change the account as the admin API does: the object first, then the memory of the isolate that answers them. Each
 * change has a number, which its audit entry carries: so a change is recorded when it is committed, however often it is sent.
 */
import { type Ack, keyIdOf, successorOf } from "./history.ts";
import type { Isolate } from "./isolate.ts";
import type { Network } from "./network.ts";
import { type ObjectHost, SUBJECT } from "./object-host.ts";
import type { OperatorChange } from "./schedule.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** An operator who has no answer tries again after this time. */
const RETRY_MS = 250;
const MAX_TRIES = 12;

/** Answers that say that nothing was changed, or that nothing of it is left. */
const REJECTIONS = ["absent", "no-account", "no-grant", "no-key", "exists", "too-many"];

/** How many keys a user has at first. */
const FIRST_KEYS = 2;

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
    const number = this.#host.changes.length + 1;
    const change = this.#sent(wanted, number, localMs);
    this.#host.changes.push(change);
    const [method, args] = changeCall(change, number, localMs);
    await this.#time.in(place, async () => {
      for (let tries = 1; ; tries++) {
        try {
          const answer = await this.#network.call(isolate.index, method, args);
          if (isAcknowledgement(answer)) this.acks.push({ number, atMs: this.#time.nowMs });
          break;
        } catch {
          if (tries === MAX_TRIES) break;
          await this.#time.wait(RETRY_MS);
        }
      }
      limiter.forget(SUBJECT, Date.now());
      const next = nextOf(change, number);
      if (next === null) return;
      await this.#time.wait(next.afterMs);
      await this.change(isolate, next.change);
    });
  }

  /** The change with what is known only when it is sent. */
  #sent(change: OperatorChange, number: number, localMs: number): OperatorChange {
    switch (change.kind) {
      case "grant":
        return { ...change, untilMs: localMs + change.lastsMs };
      case "key":
        return change.lastsMs === null ? change : { ...change, untilMs: localMs + change.lastsMs };
      case "rotate": {
        const oldKeyId = newestKeyId(change.key + FIRST_KEYS, this.#host.changes);
        return { ...change, oldKeyId, newKeyId: successorOf(change.key, number) };
      }
      default:
        return change;
    }
  }
}

/** The id of the key of this number: from 2 on, of the key of two less, or the newest that replaces it. @param changes sent so far. */
export function newestKeyId(key: number, changes: readonly OperatorChange[]): string {
  if (key < FIRST_KEYS) return keyIdOf(key);
  const first = key - FIRST_KEYS;
  const rotated = changes.findLast((change) => change.kind === "rotate" && change.key === first);
  return rotated?.kind === "rotate" ? rotated.newKeyId : keyIdOf(first);
}

function isAcknowledgement(answer: unknown): boolean {
  const kind: unknown = typeof answer === "object" && answer !== null && Reflect.get(answer, "kind");
  return !REJECTIONS.some((one) => one === kind);
}

/** The change that the operator makes after this one; null: none. */
function nextOf(change: OperatorChange, number: number): { change: OperatorChange; afterMs: number } | null {
  if (change.kind === "grant" && change.revokedAfterMs !== null)
    return { change: { kind: "revoke", grant: number }, afterMs: change.revokedAfterMs };
  if (change.kind === "delete" && change.again !== null)
    return { change: { kind: "create", tier: change.again.tier }, afterMs: change.again.afterMs };
  return null;
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
    case "revoke":
      return ["revokeGrant", [`grant-${change.grant}`, by]];
    case "reset":
      return ["reset", [change.limits, by]];
    case "delete":
      return ["deleteAccount", [by, change.lift]];
    case "create":
      return ["createAccount", ["ann", { name: "Ann", tier: change.tier }, by]];
    case "rotate": {
      const { oldKeyId, newKeyId: keyId, graceMs } = change;
      return ["rotateKey", [{ oldKeyId, keyId, hash: `hash of ${keyId}`, graceMs }, by]];
    }
    case "key":
      return change.valid
        ? ["addKey", [newKey(change.key, change.untilMs), by]]
        : ["revokeKey", [keyIdOf(change.key), by]];
  }
}

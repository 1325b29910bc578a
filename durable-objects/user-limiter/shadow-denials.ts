/**
 * Which denials by limits in shadow would have reached the object if these limits were enforced: an isolate would have repeated the others
 * from its cache (src/limiter/deny-cache.ts). Nothing is lent for some time after a denial by the object, and a forecast is exact only if
 * lending pauses as it would with enforcement.
 *
 * Plain data; the clock is an argument. Decides nothing.
 */
import { type DecisionRequest, MAX_REPEAT_MS } from "../../src/core/decision.ts";
import { isSameUnits } from "../../src/core/unit-costs.ts";
import type { Cost } from "../../src/policy/costs.ts";

/** As many as an isolate remembers of one user. */
const MAX_DENIALS = 16;

type Asked = Pick<DecisionRequest, "tier" | "route" | "keyId">;

export class ShadowDenials {
  #denials = new Map<string, Cost & { readonly untilMs: number }>();

  /** Notes a denial. @param repeatedUntilMs when it passes at the latest. @returns whether the object would have made it. */
  denied(asked: Asked, { costMilli, units }: Cost, repeatedUntilMs: number, nowMs: number): boolean {
    const name = nameOf(asked);
    const known = this.#denials.get(name);
    const isSame = known?.costMilli === costMilli && isSameUnits(known.units, units);
    if (isSame && nowMs < known.untilMs) return false;
    if (this.#denials.size >= MAX_DENIALS) this.#denials = new Map();
    this.#denials.set(name, { costMilli, units, untilMs: Math.min(repeatedUntilMs, nowMs + MAX_REPEAT_MS) });
    return true;
  }

  /** A request passed: what was repeated for requests like it is void. */
  passed(asked: Asked): void {
    if (this.#denials.size > 0) this.#denials.delete(nameOf(asked));
  }
}

function nameOf({ tier, route, keyId }: Asked): string {
  return `${tier}\n${route ?? ""}\n${keyId ?? ""}`;
}

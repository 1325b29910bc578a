/** A user's limits now: meters, and the burn-down of quotas. */
import { useMemo } from "preact/hooks";
import { Badge } from "../kit/badge.tsx";
import { HOUR_MS } from "../shell/durations.ts";
import { exact } from "../shell/format.ts";
import type { UserStatus } from "../shell/answers.ts";
import type { LimitDocument, TierCatalog } from "./account-api.ts";
import type { Forecast } from "./billing-api.ts";
import { LimitMeter } from "./limit-meter.tsx";
import { amountsText, isUncapped, numbersText, withUnits } from "./limit-text.ts";
import { QuotaChart } from "./quota-chart.tsx";

/** The ledger counts by the hour, so shorter quotas have no burn-down to draw. */
const MIN_QUOTA_MS = 4 * HOUR_MS;

interface Props {
  readonly id: string;
  readonly status: UserStatus;
  /** When the status was answered, by performance.now(). */
  readonly answeredAtMs: number;
  readonly elsewhere: readonly LimitDocument[];
  /** Of the quota that is billed; undefined if nothing is, or until it is loaded. */
  readonly forecast: Forecast | null | undefined;
}

export function LimitsView({ id, status, answeredAtMs, elsewhere, forecast }: Props) {
  const { shadow = [], reservations } = status;
  const limits = useMemo(() => withUnits(status.limits), [status]);
  const meters = (readings: UserStatus["limits"]) => (
    <div class="limits">
      {readings.map((reading) => (
        <LimitMeter key={reading.name} id={id} reading={reading} answeredAtMs={answeredAtMs} />
      ))}
    </div>
  );
  return (
    <>
      {meters(limits)}
      {reservations && (
        <p class="caption">
          {exact(reservations.open)} open{" "}
          {reservations.open === 1 ? "reservation holds" : "reservations hold"}{" "}
          {amountsText(reservations.cost, reservations.units)}
        </p>
      )}
      {shadow.length > 0 && (
        <>
          <p>
            <Badge tone="would-deny">in shadow</Badge> These deny nothing: they show what they would deny.
          </p>
          {meters(shadow)}
        </>
      )}
      {elsewhere.length > 0 && (
        <ul class="facts">
          {elsewhere.map((limit) => (
            <li key={limit.name}>
              <strong>{limit.name}</strong> {numbersText(limit)}, counted per {limit.scope ?? "use"}
            </li>
          ))}
        </ul>
      )}
      {limits.map(
        (quota) =>
          quota.period &&
          !isUncapped(quota) &&
          quota.windowMs >= MIN_QUOTA_MS && (
            <QuotaChart
              key={quota.name}
              id={id}
              quota={quota}
              period={quota.period}
              billed={quota.included === undefined ? undefined : forecast}
            />
          ),
      )}
    </>
  );
}

/** The limits of the tier that the user's status does not show, because they count per key or per route. */
export function limitsElsewhere(
  { tier, limits, shadow = [] }: UserStatus,
  policy: TierCatalog | null,
): readonly LimitDocument[] {
  const all = policy?.document.tiers[tier]?.limits ?? [];
  return all.filter(({ name }) => ![...limits, ...shadow].some((shown) => shown.name === name));
}

/** A user's limits now: meters, usage, and the burn-down of quotas. */
import { HOUR_MS } from "../shell/durations.ts";
import type { UserStatus } from "../shell/answers.ts";
import { exact } from "../shell/format.ts";
import { Time } from "../shell/time.tsx";
import type { LimitDocument, TierCatalog } from "./account-api.ts";
import { LimitMeter } from "./limit-meter.tsx";
import { numbersText } from "./limit-text.ts";
import { QuotaChart } from "./quota-chart.tsx";

/** The ledger counts by the hour, so shorter quotas have no burn-down to draw. */
const MIN_QUOTA_MS = 4 * HOUR_MS;

interface Props {
  readonly id: string;
  readonly status: UserStatus;
  /** When the status was answered, by performance.now(). */
  readonly answeredAtMs: number;
  readonly elsewhere: readonly LimitDocument[];
}

export function LimitsView({ id, status, answeredAtMs, elsewhere }: Props) {
  const { limits } = status;
  return (
    <>
      <div class="limits">
        {limits.map((reading) => (
          <LimitMeter key={reading.name} reading={reading} answeredAtMs={answeredAtMs} />
        ))}
      </div>
      {elsewhere.length > 0 && (
        <ul class="facts">
          {elsewhere.map((limit) => (
            <li key={limit.name}>
              <strong>{limit.name}</strong> {numbersText(limit)}, counted per {limit.scope ?? "use"}
            </li>
          ))}
        </ul>
      )}
      <Usage status={status} />
      {limits.map(
        (quota) =>
          quota.period &&
          quota.windowMs >= MIN_QUOTA_MS && (
            <QuotaChart key={quota.name} id={id} quota={quota} period={quota.period} />
          ),
      )}
    </>
  );
}

/** The limits of the tier that the user's status does not show, because they count per key or per route. */
export function limitsElsewhere(
  { tier, limits }: UserStatus,
  policy: TierCatalog | null,
): readonly LimitDocument[] {
  const all = policy?.document.tiers[tier]?.limits ?? [];
  return all.filter(({ name }) => !limits.some((shown) => shown.name === name));
}

function Usage({ status: { usage, limits, revision } }: { readonly status: UserStatus }) {
  const spans = [
    ["this hour", usage.hour],
    ["today (UTC)", usage.day],
    ["this calendar month (UTC)", usage.month],
  ] as const;
  return (
    <ul class="facts">
      {spans.map(([name, { requests, cost, denied }]) => (
        <li key={name}>
          <strong>{name}</strong> {exact(requests)} allowed, {exact(denied)} denied, {exact(cost)} tokens
        </li>
      ))}
      {limits.map(
        ({ name, limit, period }) =>
          period && (
            <li key={`of ${name}`}>
              <strong>quota {name}</strong> {exact(period.used)} of {exact(limit)} tokens used, from{" "}
              <Time at={period.start} /> to <Time at={period.end} />
            </li>
          ),
      )}
      <li class="quiet">policy revision {revision}</li>
    </ul>
  );
}

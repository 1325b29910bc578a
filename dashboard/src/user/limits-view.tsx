/** A user's limits as they stand: meters, what was used, and where quotas are going. */
import { exact } from "../shell/format.ts";
import { Time } from "../shell/time.tsx";
import type { LimitDocument, Policy, Status } from "./account-answers.ts";
import { LimitMeter } from "./limit-meter.tsx";
import { numbersText } from "./limit-text.ts";
import { QuotaChart } from "./quota-chart.tsx";

/** The ledger counts by the hour: shorter quotas have no way down to draw. */
const SHORTEST_QUOTA_MS = 4 * 3_600_000;

interface Props {
  readonly id: string;
  readonly status: Status;
  /** By performance.now(). */
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
              <strong>{limit.name}</strong> {numbersText(limit)}, counted for each {limit.scope ?? "use"}
            </li>
          ))}
        </ul>
      )}
      <Used status={status} />
      {limits.map(
        (quota) =>
          quota.period &&
          quota.windowMs >= SHORTEST_QUOTA_MS && (
            <QuotaChart key={quota.name} id={id} quota={quota} period={quota.period} />
          ),
      )}
    </>
  );
}

/** Limits of the tier that the user's status does not show: they count by key or by route. */
export function countedElsewhere({ tier, limits }: Status, policy: Policy | null): readonly LimitDocument[] {
  const all = policy?.document.tiers[tier]?.limits ?? [];
  return all.filter(({ name }) => !limits.some((shown) => shown.name === name));
}

function Used({ status: { usage, limits, revision } }: { readonly status: Status }) {
  const spans = [
    ["this hour", usage.hour],
    ["today (UTC)", usage.day],
    ["this calendar month (UTC)", usage.month],
  ] as const;
  return (
    <ul class="facts">
      {spans.map(([name, { requests, cost, denied }]) => (
        <li key={name}>
          <strong>{name}</strong> {exact(requests)} let in, {exact(denied)} denied, {exact(cost)} tokens
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
      <li class="quiet">by policy revision {revision}</li>
    </ul>
  );
}

/** What is left now: the limits, exact to the last request, and what the open period has come to. */
import { useMemo } from "preact/hooks";
import { Section } from "../../../dashboard/src/kit/section.tsx";
import { Empty } from "../../../dashboard/src/kit/state.tsx";
import type { UserStatus } from "../../../dashboard/src/shell/answers.ts";
import { exact } from "../../../dashboard/src/shell/format.ts";
import { shortMoment } from "../../../dashboard/src/shell/moment.ts";
import { PollState } from "../../../dashboard/src/shell/poll-state.tsx";
import { usePolled } from "../../../dashboard/src/shell/use-polled.ts";
import { parseStatus } from "../../../dashboard/src/user/account-api.ts";
import { withUnits } from "../../../dashboard/src/user/limit-text.ts";
import { Notice } from "../notice.tsx";
import { BILLING, parseBilling, STATUS } from "../portal-api.ts";
import { allowanceAlert } from "./allowance.ts";
import { LimitCard } from "./limit-card.tsx";
import { PeriodSection } from "./period-section.tsx";

export function NowScreen() {
  const status = usePolled(STATUS, parseStatus);
  const billing = usePolled(BILLING, parseBilling);
  const limits = useMemo(() => withUnits(status.value?.limits ?? []), [status.value]);
  const { allowance, period } = billing.value ?? { allowance: null };
  const alert =
    allowance && period && allowanceAlert(allowance, shortMoment(Date.parse(period.end), Date.now()));
  return (
    <>
      {status.value?.status === "blocked" && (
        <Notice tone="error">
          This account is blocked: all its requests are denied. Ask the provider of this API why.
        </Notice>
      )}
      {alert && <Notice tone={alert.tone}>{alert.text}</Notice>}
      <Section
        title="Limits"
        detail={status.value ? `Plan ${status.value.tier}, to the last request` : undefined}
      >
        <PollState polled={status} />
        {status.value && limits.length === 0 && (
          <Empty title="Nothing limits your requests" hint="What you use is counted all the same." />
        )}
        <ul class="limits">
          {limits.map((reading) => (
            <LimitCard key={reading.name} reading={reading} answeredAtMs={status.answeredAtMs} />
          ))}
        </ul>
        {status.value && <Today usage={status.value.usage} />}
      </Section>
      <PeriodSection polled={billing} status={status.value} />
    </>
  );
}

function Today({ usage: { day } }: { readonly usage: UserStatus["usage"] }) {
  return (
    <p class="quiet">
      Today, in UTC: {exact(day.requests)} requests allowed, {exact(day.denied)} denied.
    </p>
  );
}

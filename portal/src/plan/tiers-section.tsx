/** The current plan, and the plans that the customer may change to, with their prices. */
import { useState } from "preact/hooks";
import { Badge } from "../../../dashboard/src/kit/badge.tsx";
import { Section } from "../../../dashboard/src/kit/section.tsx";
import { Failed } from "../../../dashboard/src/kit/state.tsx";
import { call } from "../../../dashboard/src/shell/api-client.ts";
import { usePage } from "../../../dashboard/src/shell/page.tsx";
import { dayText, lastDay } from "../../../dashboard/src/shell/moment.ts";
import { PollState } from "../../../dashboard/src/shell/poll-state.tsx";
import { usePolled } from "../../../dashboard/src/shell/use-polled.ts";
import {
  parsePreview,
  parseTiers,
  type PortalBilling,
  type PortalTier,
  TIER,
  type TierPreview,
  TIERS,
} from "../portal-api.ts";
import { useSession } from "../session.tsx";
import { TierDialog } from "./tier-dialog.tsx";
import { baseText, includedText } from "./tier-text.ts";

const EVERY_MS = 15_000;

type Choice =
  | { readonly kind: "asking"; readonly tier: string }
  | { readonly kind: "asked"; readonly tier: string; readonly preview: TierPreview }
  | { readonly kind: "failed"; readonly detail: string };

interface Props {
  /** Null until it is known. */
  readonly billing: PortalBilling | null;
  readonly onChanged: () => void;
}

export function TiersSection({ billing, onChanged }: Props) {
  const { may } = useSession();
  const { signedOut } = usePage();
  const polled = usePolled(TIERS, parseTiers, EVERY_MS);
  const [choice, setChoice] = useState<Choice | null>(null);
  const ask = async (tier: string) => {
    setChoice({ kind: "asking", tier });
    const outcome = await call("POST", `${TIER}/preview`, parsePreview, { body: { tier } });
    if (outcome.kind === "signed-out") signedOut();
    else if (outcome.kind === "ok") setChoice({ kind: "asked", tier, preview: outcome.value });
    else setChoice({ kind: "failed", detail: outcome.detail });
  };
  const { value } = polled;
  const nowMs = Date.now();
  const trialEndsMs = Date.parse(billing?.trialEndsAt ?? "");
  const close = () => {
    setChoice(null);
    polled.refresh();
    onChanged();
  };
  return (
    <Section title="Plans">
      <PollState polled={polled} />
      {value && billing && (
        <>
          <p>
            Your plan is <strong>{value.current}</strong>
            {value.pending !== null && `, and ${value.pending} after ${lastDay(billing.period.end, nowMs)}`}.
            {trialEndsMs > nowMs && ` Your trial ends on ${dayText(trialEndsMs, nowMs)}.`}
          </p>
          {choice?.kind === "failed" && <Failed>{choice.detail}</Failed>}
          <ul class="plans">
            {value.tiers.map((tier) => (
              <PlanCard
                key={tier.name}
                of={tier}
                currency={billing.currency}
                isCurrent={tier.name === value.current}
                isBusy={choice?.kind === "asking" && choice.tier === tier.name}
                onPick={may.tier && tier.name !== (value.pending ?? value.current) ? ask : null}
              />
            ))}
          </ul>
        </>
      )}
      {choice?.kind === "asked" && <TierDialog tier={choice.tier} preview={choice.preview} onClose={close} />}
    </Section>
  );
}

interface CardProps {
  readonly of: PortalTier;
  readonly currency: string;
  readonly isCurrent: boolean;
  readonly isBusy: boolean;
  /** Null if it cannot be chosen. */
  readonly onPick: ((tier: string) => Promise<void>) | null;
}

function PlanCard({ of: tier, currency, isCurrent, isBusy, onPick }: CardProps) {
  return (
    <li>
      <h3>
        {tier.name} {isCurrent && <Badge tone="info">your plan</Badge>}
      </h3>
      <p>
        <strong>{baseText(tier.base, currency)}</strong>
      </p>
      <p class="quiet">{includedText(tier, currency)}</p>
      {onPick && (
        <button type="button" disabled={isBusy} onClick={() => void onPick(tier.name)}>
          {isBusy ? "Computing the price…" : `${isCurrent ? "Keep" : "Change to"} ${tier.name}`}
        </button>
      )}
    </li>
  );
}

/** One user: who they are, what is left of their limits, what they request and have used, and what an operator can change. */
import { useState } from "preact/hooks";
import { Section } from "../kit/section.tsx";
import { RevisionLink } from "../shell/revision-link.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { BillingSection } from "./billing-section.tsx";
import { AccountHistory } from "./account-history.tsx";
import { GrantsTable, KeysTable, OverridesTable } from "./account-tables.tsx";
import { InvoicesSection } from "./invoices-section.tsx";
import { limitsElsewhere, LimitsView } from "./limits-view.tsx";
import { RecentRequests } from "./recent-requests.tsx";
import { UsageSection } from "./usage-section.tsx";
import { UserActions } from "./user-actions.tsx";
import { UserDialog } from "./user-dialogs.tsx";
import { UserHeading } from "./user-heading.tsx";
import { UserTiles } from "./user-tiles.tsx";
import { type User, type UserAction, useUser } from "./use-user.ts";

export function UserView({ id }: { readonly id: string }) {
  const user = useUser(id);
  const { status, policy, hasNoAccount, changes } = user;
  const [action, setAction] = useState<UserAction | null>(null);
  const elsewhere = status.value ? limitsElsewhere(status.value, policy) : [];
  const isUnlimited = status.value?.limits.length === 0 && elsewhere.length === 0;
  return (
    <>
      <header class="user-head">
        <UserHeading id={id} user={user} />
        <UserActions user={user} isUnlimited={isUnlimited} onOpen={setAction} />
      </header>
      {status.value && <UserTiles id={id} status={status.value} />}
      <Section
        title="Limits"
        detail={
          status.value && (
            <>
              now, by policy <RevisionLink of={status.value.revision} />
            </>
          )
        }
      >
        {!hasNoAccount && <PollState polled={status} />}
        {isUnlimited && <p>Nothing limits this user.</p>}
        {status.value && (
          <LimitsView
            // Loads again what was loaded while the user had no account.
            key={String(hasNoAccount)}
            id={id}
            status={status.value}
            answeredAtMs={status.answeredAtMs}
            elsewhere={elsewhere}
            forecast={user.billing.value?.forecast}
          />
        )}
      </Section>
      <RecentRequests subject={`user:${id}`} />
      <UsageSection key={`usage ${hasNoAccount}`} id={id} />
      {policy?.document.billing !== undefined && (
        <>
          {user.known && (
            <BillingSection key={`billing ${changes}`} id={id} polled={user.billing} onOpen={setAction} />
          )}
          <InvoicesSection key={`invoices ${changes}`} id={id} onOpen={setAction} />
        </>
      )}
      <AccountSections user={user} onOpen={setAction} />
      <AccountHistory key={changes} id={id} />
      {action !== null && <UserDialog id={id} user={user} action={action} onClose={() => setAction(null)} />}
    </>
  );
}

interface AccountProps {
  readonly user: User;
  readonly onOpen: (action: UserAction) => void;
}

/** Keys, grants and overrides; nothing without an account. */
function AccountSections({ user: { known, keys, policy }, onOpen }: AccountProps) {
  if (!known) return null;
  return (
    <>
      <Section title="Keys" detail="Last use is to the hour.">
        <PollState polled={keys} />
        {keys.value && <KeysTable keys={keys.value.keys} onOpen={onOpen} />}
      </Section>
      <div class="columns">
        <Section title="Grants" detail="Extra, until a time.">
          <GrantsTable account={known} onOpen={onOpen} />
        </Section>
        <Section title="Overrides" detail="Instead of the tier's limits, for good.">
          <OverridesTable account={known} policy={policy} onOpen={onOpen} />
        </Section>
      </div>
    </>
  );
}

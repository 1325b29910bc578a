/** One user: who they are, what is left of their limits, what they request, and what an operator can change. */
import { useState } from "preact/hooks";
import { PollState } from "../shell/poll-state.tsx";
import { AccountHistory } from "./account-history.tsx";
import { GrantsTable, KeysTable, OverridesTable } from "./account-tables.tsx";
import { limitsElsewhere, LimitsView } from "./limits-view.tsx";
import { RecentRequests } from "./recent-requests.tsx";
import { KeyActions, UserActions } from "./user-actions.tsx";
import { UserDialog } from "./user-dialogs.tsx";
import { UserHeading } from "./user-heading.tsx";
import { type User, type UserAction, useUser } from "./use-user.ts";

export function UserView({ id }: { readonly id: string }) {
  const user = useUser(id);
  const { status, policy, hasNoAccount, known, changes } = user;
  const [action, setAction] = useState<UserAction | null>(null);
  const elsewhere = status.value ? limitsElsewhere(status.value, policy) : [];
  const isUnlimited = status.value?.limits.length === 0 && elsewhere.length === 0;
  return (
    <>
      <UserHeading id={id} user={user} />
      <UserActions user={user} isUnlimited={isUnlimited} onOpen={setAction} />
      <section aria-labelledby="limits-title">
        <h2 id="limits-title">Limits</h2>
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
          />
        )}
      </section>
      <RecentRequests subject={`user:${id}`} />
      {known && <Keys user={user} onOpen={setAction} />}
      {known && (
        <section aria-labelledby="extra-title">
          <h2 id="extra-title">Grants and overrides</h2>
          <GrantsTable grants={known.grants} />
          <OverridesTable limits={known.limits} />
        </section>
      )}
      <AccountHistory key={changes} id={id} />
      {action !== null && <UserDialog id={id} user={user} action={action} onClose={() => setAction(null)} />}
    </>
  );
}

interface KeysProps {
  readonly user: User;
  readonly onOpen: (action: UserAction) => void;
}

function Keys({ user: { keys }, onOpen }: KeysProps) {
  return (
    <section aria-labelledby="keys-title">
      <h2 id="keys-title">Keys</h2>
      <PollState polled={keys} />
      {keys.value && (
        <KeysTable
          keys={keys.value.keys}
          actions={(key) => (
            <KeyActions
              name={key.name}
              onRotate={() => onOpen({ rotate: key })}
              onRevoke={() => onOpen({ revoke: key })}
            />
          )}
        />
      )}
    </section>
  );
}

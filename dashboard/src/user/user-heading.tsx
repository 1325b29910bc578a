/** Who a user is: their id, status, tier and name, or that they have no account. */
import { Badge } from "../kit/badge.tsx";
import { Icon } from "../kit/icon.tsx";
import { When } from "../kit/time.tsx";
import type { Account } from "../shell/answers.ts";
import { Link, usePage } from "../shell/page.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { orphanedText } from "./limit-text.ts";
import type { User } from "./use-user.ts";

export function UserHeading({ id, user }: { readonly id: string; readonly user: User }) {
  const { account, status, policy, hasNoAccount, known } = user;
  const isBlocked = (known ?? status.value)?.status === "blocked";
  const orphaned = known ? orphanedText(known, policy?.document.defaultTier ?? "") : "";
  return (
    <div>
      <ToUsers />
      <h1>
        {id} {isBlocked && <Badge tone="denied">blocked</Badge>}
        {known && !isBlocked && <Badge tone={known.orphaned.tier ? "neutral" : "allowed"}>active</Badge>}
        {known && <TierBadge account={known} />}
        {hasNoAccount && <Badge tone="neutral">no account</Badge>}
      </h1>
      {hasNoAccount ? (
        <NoAccount isBlocked={isBlocked} tier={status.value?.tier ?? null} />
      ) : (
        <PollState polled={account} rows={1} />
      )}
      {known && (
        <p class="quiet">
          {known.name !== "" && (
            <>
              <bdi>{known.name}</bdi> ·{" "}
            </>
          )}
          created <When iso={known.createdAt} />
        </p>
      )}
      {orphaned !== "" && (
        <p class="note" data-tone="warning">
          <Icon name="warning" /> {orphaned}
        </p>
      )}
    </div>
  );
}

function TierBadge({ account: { tier, orphaned } }: { readonly account: Account }) {
  return orphaned.tier ? (
    <Badge tone="warning">tier {tier} is gone</Badge>
  ) : (
    <Badge tone="info">tier {tier}</Badge>
  );
}

interface NoAccountProps {
  readonly isBlocked: boolean;
  /** The tier that applies to them; null until loaded. */
  readonly tier: string | null;
}

function NoAccount({ isBlocked, tier }: NoAccountProps) {
  return (
    <p>
      There is no account with this id.{" "}
      {isBlocked &&
        "A deleted account was blocked, and the block is still in force. Once it is lifted, requests"}
      {!isBlocked && "Requests"} of this user with a token have the limits of{" "}
      {tier === null ? "the default tier" : `tier ${tier}`}, unless the token names another tier.
    </p>
  );
}

/** Back to the list. */
export function ToUsers({ params = {} }: { readonly params?: Readonly<Record<string, string>> }) {
  const { address } = usePage();
  const { range = "", from = "", to = "" } = address.params;
  return (
    <nav class="caption" aria-label="Back">
      <Link to={{ screen: "user", params: { ...params, range, from, to } }}>Users</Link> ›
    </nav>
  );
}

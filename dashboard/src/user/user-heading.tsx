/** Who a user is: their id, status, name and tier, or that they have no account. */
import { PollState } from "../shell/poll-state.tsx";
import { Time } from "../shell/time.tsx";
import { orphanedText } from "./limit-text.ts";
import type { User } from "./use-user.ts";

export function UserHeading({ id, user }: { readonly id: string; readonly user: User }) {
  const { account, status, policy, hasNoAccount, known } = user;
  const isBlocked = status.value?.status === "blocked";
  const orphaned = known ? orphanedText(known, policy?.document.defaultTier ?? "") : "";
  return (
    <>
      <h1>
        {id} {known && <span class={known.status === "blocked" ? "tag denied" : "tag"}>{known.status}</span>}
        {hasNoAccount && isBlocked && <span class="tag denied">blocked</span>}
      </h1>
      {hasNoAccount ? (
        <p>
          There is no account with this id.{" "}
          {isBlocked &&
            "An account was deleted while it was blocked, and the block is still in force. Once it is lifted, requests"}
          {!isBlocked && "Requests"} of this user with a token have the limits of{" "}
          {status.value ? `tier ${status.value.tier}` : "the default tier"}, unless the token names another
          tier.
        </p>
      ) : (
        <PollState polled={account} />
      )}
      {known && (
        <p class="quiet">
          {known.name !== "" && (
            <>
              <bdi>{known.name}</bdi> ·{" "}
            </>
          )}
          tier {known.tier} · created <Time at={known.createdAt} />
        </p>
      )}
      {orphaned !== "" && <p>{orphaned}</p>}
    </>
  );
}

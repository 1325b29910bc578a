/** One user: who it is, what is left of its limits, what it does, and what an operator can do about it. */
import { useState } from "preact/hooks";
import { usePage } from "../shell/page.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { mayDo } from "../shell/session.ts";
import { Time } from "../shell/time.tsx";
import { usePolled } from "../shell/use-polled.ts";
import {
  accountPath,
  type ApiKey,
  parseAccount,
  parseKeys,
  parsePolicy,
  parseStatus,
} from "./account-answers.ts";
import { AccountHistory } from "./account-history.tsx";
import { BlockDialog, ResetDialog, TierDialog } from "./account-dialogs.tsx";
import { GrantsTable, KeysTable, OverridesTable } from "./account-tables.tsx";
import { CreateDialog } from "./create-dialog.tsx";
import type { DialogProps } from "./dialog-props.ts";
import { GrantDialog } from "./grant-dialog.tsx";
import { IssueKeyDialog, RevokeKeyDialog, RotateKeyDialog } from "./key-dialogs.tsx";
import { countedElsewhere, LimitsView } from "./limits-view.tsx";
import { LiftDialog } from "./lift-dialog.tsx";
import { orphanedText } from "./limit-text.ts";
import { RecentRequests } from "./recent-requests.tsx";

/** Limits move fast, and reading them costs nothing. */
const STATUS_MS = 2_000;
/** Changed by operators only, and asked for again after each change made here. */
const SLOW_MS = 15_000;

type Dialog =
  | "grant"
  | "block"
  | "reset"
  | "tier"
  | "issue"
  | "create"
  | "lift"
  | { readonly rotate: ApiKey }
  | { readonly revoke: ApiKey };

export function UserView({ id }: { readonly id: string }) {
  const { role } = usePage();
  const path = accountPath(id);
  const account = usePolled(path, parseAccount);
  const status = usePolled(`${path}/status`, parseStatus, STATUS_MS);
  const policy = usePolled("/api/v1/admin/policy", parsePolicy, SLOW_MS);
  const hasNone = account.status === 404;
  const keys = usePolled(account.value && !hasNone ? `${path}/keys` : null, parseKeys, SLOW_MS);
  const [dialog, setDialog] = useState<Dialog | null>(null);
  const [changes, setChanges] = useState(0);
  const may = mayDo(role, "operator");
  const prevented = may ? undefined : "This takes the role operator.";
  const elsewhere = status.value ? countedElsewhere(status.value, policy.value) : [];
  const isFree = status.value?.limits.length === 0 && elsewhere.length === 0;
  const isUnlimited = isFree ? "Nothing limits this user." : undefined;
  const act: DialogProps["act"] = async (change) => {
    const outcome = await change;
    if (outcome.kind === "ok") {
      for (const polled of [account, status, keys]) polled.refresh();
      setChanges((made) => made + 1);
    }
    return outcome;
  };
  const close = () => setDialog(null);
  const open = (next: Dialog) => () => setDialog(next);
  const isBlocked = status.value?.status === "blocked";
  const known = hasNone ? null : account.value;
  const orphaned = known ? orphanedText(known, policy.value?.document.defaultTier ?? "") : "";
  return (
    <>
      <h1>
        {id} {known && <span class={known.status === "blocked" ? "tag denied" : "tag"}>{known.status}</span>}
        {hasNone && isBlocked && <span class="tag denied">blocked</span>}
      </h1>
      {hasNone ? (
        <p>
          There is no account of this id.{" "}
          {isBlocked &&
            "One was deleted while it was blocked, and the block still holds. Once it is lifted, requests"}
          {!isBlocked && "Requests"} of such a user, by a token, count by{" "}
          {status.value ? `tier ${status.value.tier}` : "the default tier"}, unless the token names another.
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
      <div class="actions">
        {hasNone && <Act prevented={prevented} verb="Create account" onClick={open("create")} />}
        {hasNone && isBlocked && (
          <Act
            prevented={mayDo(role, "admin") ? undefined : "This needs the role admin."}
            verb="Unblock"
            onClick={open("lift")}
          />
        )}
        {known && status.value && (
          <>
            <Act prevented={prevented ?? isUnlimited} verb="Grant extra" onClick={open("grant")} />
            <Act prevented={prevented ?? isUnlimited} verb="Reset" onClick={open("reset")} />
            <Act prevented={prevented} verb="Change tier" onClick={open("tier")} />
            <Act prevented={prevented} verb="Issue key" onClick={open("issue")} />
            <Act
              prevented={prevented}
              verb={isBlocked ? "Unblock" : "Block"}
              isDangerous={!isBlocked}
              onClick={open("block")}
            />
          </>
        )}
        {!may && <span class="quiet">Changes take the role operator; yours is {role}.</span>}
      </div>

      <section aria-labelledby="limits-title">
        <h2 id="limits-title">Limits</h2>
        {!hasNone && <PollState polled={status} />}
        {isFree && <p>Nothing limits this user.</p>}
        {status.value && (
          <LimitsView
            // What was asked of a user without an account is asked anew.
            key={String(hasNone)}
            id={id}
            status={status.value}
            answeredAtMs={status.answeredAtMs}
            elsewhere={elsewhere}
          />
        )}
      </section>

      <RecentRequests subject={`user:${id}`} />

      {known && (
        <>
          <section aria-labelledby="keys-title">
            <h2 id="keys-title">Keys</h2>
            <PollState polled={keys} />
            {keys.value && (
              <KeysTable
                keys={keys.value.keys}
                actions={(key) => (
                  <span class="actions">
                    <Act prevented={prevented} verb="Rotate" of={key.name} onClick={open({ rotate: key })} />
                    <Act
                      prevented={prevented}
                      verb="Revoke"
                      of={key.name}
                      isDangerous
                      onClick={open({ revoke: key })}
                    />
                  </span>
                )}
              />
            )}
          </section>
          <section aria-labelledby="extra-title">
            <h2 id="extra-title">Grants and numbers of its own</h2>
            <GrantsTable grants={known.grants} />
            <OverridesTable limits={known.limits} />
          </section>
        </>
      )}
      <AccountHistory key={changes} id={id} />
      {dialog === "create" && <CreateDialog id={id} policy={policy.value} act={act} onClose={close} />}
      {dialog === "lift" && <LiftDialog id={id} act={act} onClose={close} />}
      {dialog !== null && dialog !== "create" && dialog !== "lift" && known && status.value && (
        <Chosen
          dialog={dialog}
          account={known}
          status={status.value}
          policy={policy.value}
          act={act}
          onClose={close}
        />
      )}
    </>
  );
}

/** Keeps what it was opened with: what it says must not change under whoever reads it, nor once it is done. */
function Chosen({
  dialog,
  account,
  status,
  policy,
  act,
  onClose,
}: DialogProps & { readonly dialog: Exclude<Dialog, "create" | "lift"> }) {
  const [props] = useState({ account, status });
  const given = { ...props, policy, act, onClose };
  if (dialog === "grant") return <GrantDialog {...given} />;
  if (dialog === "block") return <BlockDialog {...given} />;
  if (dialog === "reset") return <ResetDialog {...given} />;
  if (dialog === "tier") return <TierDialog {...given} />;
  if (typeof dialog === "string") return <IssueKeyDialog {...given} />;
  if ("rotate" in dialog) return <RotateKeyDialog {...given} of={dialog.rotate} />;
  return <RevokeKeyDialog {...given} of={dialog.revoke} />;
}

interface ActProps {
  /** Why it cannot be done. */
  readonly prevented: string | undefined;
  readonly verb: string;
  /** Of which of several like it. */
  readonly of?: string;
  readonly isDangerous?: boolean;
  readonly onClick: () => void;
}

function Act({ prevented, verb, of = "", isDangerous = false, onClick }: ActProps) {
  return (
    <button
      type="button"
      class={isDangerous ? "danger" : undefined}
      disabled={prevented !== undefined}
      title={prevented}
      aria-label={of === "" ? undefined : `${verb} ${of}`}
      onClick={onClick}
    >
      {verb}
    </button>
  );
}

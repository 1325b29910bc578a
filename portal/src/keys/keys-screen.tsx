/** The account's keys and their state, with buttons to create, rotate and revoke them. */
import { useState } from "preact/hooks";
import { Badge } from "../../../dashboard/src/kit/badge.tsx";
import { Icon } from "../../../dashboard/src/kit/icon.tsx";
import { Section } from "../../../dashboard/src/kit/section.tsx";
import { Empty } from "../../../dashboard/src/kit/state.tsx";
import { When } from "../../../dashboard/src/kit/time.tsx";
import type { ApiKey } from "../../../dashboard/src/shell/answers.ts";
import { PollState } from "../../../dashboard/src/shell/poll-state.tsx";
import { usePolled } from "../../../dashboard/src/shell/use-polled.ts";
import { parseKeys } from "../../../dashboard/src/user/account-api.ts";
import type { PortalSession } from "../answers.ts";
import { KEYS } from "../portal-api.ts";
import { useVisit } from "../session.tsx";
import { CreateKeyDialog, keyName, RevokeKeyDialog, RotateKeyDialog } from "./key-dialogs.tsx";

const EVERY_MS = 15_000;

type Action =
  | { readonly kind: "create" }
  | { readonly kind: "rotate" | "revoke"; readonly of: ApiKey }
  | null;

export function KeysScreen() {
  const { session, reload } = useVisit();
  const { may } = session;
  const polled = usePolled(KEYS, parseKeys, EVERY_MS);
  const [action, setAction] = useState<Action>(null);
  const close = () => {
    setAction(null);
    polled.refresh();
    // If the session's own key was rotated or revoked, the session may do less, or has ended.
    void reload();
  };
  const keys = polled.value?.keys;
  return (
    <Section
      title="API keys"
      actions={
        may.keys && (
          <button type="button" onClick={() => setAction({ kind: "create" })}>
            <Icon name="plus" /> New key
          </button>
        )
      }
    >
      {!may.keys && <p>{whyNot(session)}</p>}
      <PollState polled={polled} />
      {keys?.length === 0 && <Empty title="No keys" hint="A request needs one, in the header X-API-Key." />}
      {keys && keys.length > 0 && (
        <ul class="rows" aria-label="API keys">
          {keys.toSorted(byUse).map((key) => (
            <KeyRow key={key.keyId} of={key} onPick={may.keys ? setAction : null} />
          ))}
        </ul>
      )}
      {action?.kind === "create" && <CreateKeyDialog onClose={close} />}
      {action?.kind === "rotate" && <RotateKeyDialog of={action.of} onClose={close} />}
      {action?.kind === "revoke" && <RevokeKeyDialog of={action.of} onClose={close} />}
    </Section>
  );
}

/** Why the session cannot change keys. The API says only that it cannot, not which of the reasons applies. */
function whyNot({ kind }: PortalSession): string {
  return kind === "key"
    ? "This session can only read them: its key is a test key, limited or ending, or the provider of this API manages keys. Use another key, or ask for a sign-in link."
    : "The provider of this API manages them: ask there for a new key, or to revoke one.";
}

interface RowProps {
  readonly of: ApiKey;
  /** Null if the session cannot change keys. */
  readonly onPick: ((action: Action) => void) | null;
}

const VERBS = { rotate: "Rotate", revoke: "Revoke" } as const;

function KeyRow({ of: key, onPick }: RowProps) {
  const { scopes, mode, createdAt, expiresAt, revokedAt, lastUsedAt } = key;
  const name = keyName(key);
  const isChecker = scopes.includes("check");
  const until = revokedAt ?? expiresAt;
  return (
    <li>
      <div>
        <h3>
          {name}{" "}
          <Badge tone={isValid(key) ? "allowed" : "neutral"}>
            {isValid(key) ? "valid" : revokedAt === null ? "expired" : "revoked"}
          </Badge>{" "}
          {mode === "test" && <Badge tone="neutral">test, not billed</Badge>}
        </h3>
        <div class="caption">
          {until !== null && (
            <>
              {isValid(key) ? "Works until " : "Ended "}
              <When iso={until} />.{" "}
            </>
          )}
          {isChecker && "May ask for decisions about any user. "}
          Created <When iso={createdAt} />,{" "}
          {lastUsedAt === null ? (
            "never used."
          ) : (
            <>
              last used <When iso={lastUsedAt} />, to the hour.
            </>
          )}
        </div>
      </div>
      {onPick && isValid(key) && (
        <div class="buttons">
          {(["rotate", "revoke"] as const).map(
            (kind) =>
              // Only the provider can replace a key that may do more than call the API.
              (kind === "revoke" || !isChecker) && (
                <button
                  key={kind}
                  type="button"
                  aria-label={`${VERBS[kind]} ${name}`}
                  onClick={() => onPick({ kind, of: key })}
                >
                  {VERBS[kind]}
                </button>
              ),
          )}
        </div>
      )}
    </li>
  );
}

function isValid({ revokedAt, expiresAt }: ApiKey): boolean {
  return revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > Date.now());
}

/** Valid keys first; among them, the newest first. */
function byUse(a: ApiKey, b: ApiKey): number {
  return Number(isValid(b)) - Number(isValid(a)) || Date.parse(b.createdAt) - Date.parse(a.createdAt);
}

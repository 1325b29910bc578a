/** The buttons for changing a user. A button that cannot be used says why in its tooltip. */
import { usePage } from "../shell/page.tsx";
import { includesRole } from "../shell/session.ts";
import type { User, UserAction } from "./use-user.ts";

const NEEDS_OPERATOR = "This needs the role operator.";
const NEEDS_ADMIN = "This needs the role admin.";

interface Props {
  readonly user: User;
  /** Whether no limit applies to the user. */
  readonly isUnlimited: boolean;
  readonly onOpen: (action: UserAction) => void;
}

export function UserActions({ user: { hasNoAccount, known, status }, isUnlimited, onOpen }: Props) {
  const { role } = usePage();
  const isBlocked = status.value?.status === "blocked";
  const isOperator = includesRole(role, "operator");
  const prevented = isOperator ? undefined : NEEDS_OPERATOR;
  const preventedForLimits = prevented ?? (isUnlimited ? "Nothing limits this user." : undefined);
  return (
    <div class="actions">
      {hasNoAccount && (
        <ActionButton prevented={prevented} verb="Create account" onClick={() => onOpen("create")} />
      )}
      {hasNoAccount && isBlocked && (
        <ActionButton
          prevented={includesRole(role, "admin") ? undefined : NEEDS_ADMIN}
          verb="Unblock"
          onClick={() => onOpen("unblock-deleted")}
        />
      )}
      {known && status.value && (
        <>
          <ActionButton prevented={preventedForLimits} verb="Grant extra" onClick={() => onOpen("grant")} />
          <ActionButton prevented={preventedForLimits} verb="Reset" onClick={() => onOpen("reset")} />
          <ActionButton prevented={prevented} verb="Change tier" onClick={() => onOpen("tier")} />
          <ActionButton prevented={prevented} verb="Issue key" onClick={() => onOpen("issue")} />
          <ActionButton
            prevented={prevented}
            verb={isBlocked ? "Unblock" : "Block"}
            isDangerous={!isBlocked}
            onClick={() => onOpen("block")}
          />
        </>
      )}
      {!isOperator && <span class="quiet">Changes need the role operator; yours is {role}.</span>}
    </div>
  );
}

interface ActionButtonProps {
  /** Why the action is not available. */
  readonly prevented: string | undefined;
  readonly verb: string;
  /** The name of the object, which distinguishes buttons with the same verb. */
  readonly of?: string;
  readonly isDangerous?: boolean;
  readonly onClick: () => void;
}

function ActionButton({ prevented, verb, of = "", isDangerous = false, onClick }: ActionButtonProps) {
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

interface KeyActionsProps {
  readonly name: string;
  readonly onRotate: () => void;
  readonly onRevoke: () => void;
}

/** The buttons of a key. */
export function KeyActions({ name, onRotate, onRevoke }: KeyActionsProps) {
  const { role } = usePage();
  const prevented = includesRole(role, "operator") ? undefined : NEEDS_OPERATOR;
  return (
    <span class="actions">
      <ActionButton prevented={prevented} verb="Rotate" of={name} onClick={onRotate} />
      <ActionButton prevented={prevented} verb="Revoke" of={name} isDangerous onClick={onRevoke} />
    </span>
  );
}

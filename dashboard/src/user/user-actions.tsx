/** The buttons for changing a user, grouped by consequence. A button that cannot be used says why in its tooltip. */
import type { ComponentChildren } from "preact";
import { Icon, type IconName } from "../kit/icon.tsx";
import { usePage } from "../shell/page.tsx";
import { includesRole } from "../shell/session.ts";
import type { User, UserAction } from "./use-user.ts";

export const NEEDS_OPERATOR = "This needs the role operator.";
const NEEDS_ADMIN = "This needs the role admin.";

interface Props {
  readonly user: User;
  /** Whether no limit applies to the user. */
  readonly isUnlimited: boolean;
  readonly onOpen: (action: UserAction) => void;
}

export function UserActions({ user, isUnlimited, onOpen }: Props) {
  const { hasNoAccount, known, status, policy } = user;
  const { role } = usePage();
  const isBlocked = status.value?.status === "blocked";
  const isOperator = includesRole(role, "operator");
  const prevented = isOperator ? undefined : NEEDS_OPERATOR;
  const ofLimits = prevented ?? (isUnlimited ? "Nothing limits this user." : undefined);
  const hasPortal = policy?.document.billing?.portal !== undefined;
  const button = (action: UserAction, verb: string, icon: IconName, why = prevented) => (
    <ActionButton prevented={why} verb={verb} icon={icon} onClick={() => onOpen(action)} />
  );
  return (
    <div class="user-actions">
      {hasNoAccount && (
        <Group label="Account">
          {button("create", "Create account", "plus")}
          {isBlocked &&
            button(
              "unblock-deleted",
              "Unblock",
              "check",
              includesRole(role, "admin") ? undefined : NEEDS_ADMIN,
            )}
        </Group>
      )}
      {known && status.value && (
        <>
          <Group label="Give">
            {button("grant", "Raise a limit", "gift", ofLimits)}
            {button("reset", "Reset limits", "undo", ofLimits)}
          </Group>
          <Group label="Account">
            {button("tier", "Change tier", "policy")}
            {button("issue", "Issue key", "key")}
            {hasPortal && button("portal", "Portal link", "user")}
          </Group>
          <Group label={isBlocked ? "Admit" : "Stop"}>
            <ActionButton
              prevented={prevented}
              verb={isBlocked ? "Unblock" : "Block"}
              icon={isBlocked ? "check" : "block"}
              isDangerous={!isBlocked}
              onClick={() => onOpen("block")}
            />
            {hasPortal && button("end-portal", "End portal sessions", "block")}
            {includesRole(role, "admin") && button("delete", "Delete", "block")}
          </Group>
        </>
      )}
      {!isOperator && <p class="caption">Changes need the role operator; yours is {role}.</p>}
    </div>
  );
}

interface GroupProps {
  /** What the buttons have in common. */
  readonly label: string;
  readonly children: ComponentChildren;
}

function Group({ label, children }: GroupProps) {
  return (
    <div class="action-group" role="group" aria-label={label}>
      <span class="caption" aria-hidden="true">
        {label}
      </span>
      <div>{children}</div>
    </div>
  );
}

interface ActionButtonProps {
  /** Why the action is not available. */
  readonly prevented: string | undefined;
  readonly verb: string;
  readonly icon?: IconName;
  /** The name of the object, which distinguishes buttons with the same verb. */
  readonly of?: string;
  /** A button in a row of a table. */
  readonly isPlain?: boolean;
  readonly isDangerous?: boolean;
  readonly onClick: () => void;
}

export function ActionButton(props: ActionButtonProps) {
  const { prevented, verb, icon, of = "", isPlain = false, isDangerous = false, onClick } = props;
  return (
    <button
      type="button"
      class={isPlain ? "plain" : isDangerous ? "danger" : undefined}
      disabled={prevented !== undefined}
      title={prevented}
      aria-label={of === "" ? undefined : `${verb} ${of}`}
      onClick={onClick}
    >
      {icon && <Icon name={icon} />}
      {verb}
    </button>
  );
}

interface RowActionProps {
  readonly verb: string;
  /** What it acts on, if there are several. */
  readonly of?: string;
  readonly onClick: () => void;
}

/** A button in a row of a table or in the head of a section, for operators. */
export function RowAction({ verb, of = "", onClick }: RowActionProps) {
  const { role } = usePage();
  const prevented = includesRole(role, "operator") ? undefined : NEEDS_OPERATOR;
  return <ActionButton isPlain prevented={prevented} verb={verb} of={of} onClick={onClick} />;
}

/** The dialog of the action that was chosen. */
import { useState } from "preact/hooks";
import { BlockDialog, ResetDialog } from "./account-dialogs.tsx";
import { BudgetDialog, CreditDialog, TakeBackDialog } from "./billing-dialogs.tsx";
import { CreateDialog } from "./create-dialog.tsx";
import { DeleteDialog } from "./delete-dialog.tsx";
import type { DialogProps } from "./dialog-props.ts";
import { GrantDialog } from "./grant-dialog.tsx";
import { InvoiceDialog } from "./invoice-dialog.tsx";
import { RemoveOverrideDialog, RevokeGrantDialog } from "./revoke-dialogs.tsx";
import { IssueKeyDialog, RevokeKeyDialog, RotateKeyDialog } from "./key-dialogs.tsx";
import { EndPortalDialog, PortalDialog } from "./portal-dialog.tsx";
import { TierDialog } from "./tier-dialog.tsx";
import { UnblockDeletedDialog } from "./unblock-deleted-dialog.tsx";
import type { User, UserAction } from "./use-user.ts";

interface Props {
  readonly id: string;
  readonly user: User;
  readonly action: UserAction;
  readonly onClose: () => void;
}

export function UserDialog({ id, user, action, onClose }: Props) {
  const { known, status, policy, makeChange } = user;
  if (action === "create") {
    return <CreateDialog id={id} policy={policy} makeChange={makeChange} onClose={onClose} />;
  }
  // Says that it is done when the account is gone.
  if (action === "delete") return <DeleteDialog id={id} makeChange={makeChange} onClose={onClose} />;
  if (action === "unblock-deleted") {
    return <UnblockDeletedDialog id={id} makeChange={makeChange} onClose={onClose} />;
  }
  // Also of an account that is deleted.
  if (typeof action === "object" && "step" in action) {
    return <InvoiceDialog id={id} {...action} makeChange={makeChange} onClose={onClose} />;
  }
  if (known === null || status.value === null) return null;
  return (
    <AccountDialog
      action={action}
      account={known}
      status={status.value}
      policy={policy}
      makeChange={makeChange}
      onClose={onClose}
    />
  );
}

type AccountAction = Exclude<
  UserAction,
  "create" | "delete" | "unblock-deleted" | { readonly step: unknown }
>;

/** Keeps the account and the status it was opened with: its text must not change while it is read, or after the change. */
function AccountDialog({
  action,
  account,
  status,
  policy,
  makeChange,
  onClose,
}: DialogProps & { readonly action: AccountAction }) {
  const [opened] = useState({ account, status });
  const props = { ...opened, policy, makeChange, onClose };
  if (action === "grant") return <GrantDialog {...props} />;
  if (action === "block") return <BlockDialog {...props} />;
  if (action === "reset") return <ResetDialog {...props} />;
  if (action === "tier") return <TierDialog {...props} />;
  if (action === "issue") return <IssueKeyDialog {...props} />;
  if (action === "portal") return <PortalDialog {...props} />;
  if (action === "end-portal") return <EndPortalDialog {...props} />;
  if ("revokeGrant" in action) return <RevokeGrantDialog {...props} of={action.revokeGrant} />;
  if ("removeOverride" in action) return <RemoveOverrideDialog {...props} of={action.removeOverride} />;
  if ("rotate" in action) return <RotateKeyDialog {...props} of={action.rotate} />;
  if ("budget" in action) return <BudgetDialog {...props} of={action.budget} />;
  if ("creditIn" in action) return <CreditDialog {...props} of={action.creditIn} />;
  if ("takeBack" in action) return <TakeBackDialog {...props} of={action.takeBack} />;
  return <RevokeKeyDialog {...props} of={action.revoke} />;
}

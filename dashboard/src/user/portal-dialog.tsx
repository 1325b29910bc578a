/** The dialogs that create a single-use sign-in link to the portal, and that end all links and sessions. */
import { Choice } from "../kit/choice.tsx";
import { SecretOnce } from "../kit/secret-once.tsx";
import { When } from "../kit/time.tsx";
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call } from "../shell/api-client.ts";
import { isNumber, isShape, isText, parseAs } from "../shell/guards.ts";
import { withQuery } from "../shell/query.ts";
import { accountPath } from "./account-api.ts";
import type { DialogProps } from "./dialog-props.ts";

const MINUTES = [
  [15, "15 minutes"],
  [60, "1 hour"],
  [1_440, "1 day"],
] as const;

export const parsePortalLink = parseAs(
  isShape<{ readonly url: string; readonly expiresAt: string }>({ url: isText, expiresAt: isText }),
);

export function PortalDialog({ account: { id }, makeChange, onClose }: DialogProps) {
  return (
    <ActionDialog
      title={`Make a portal link for ${id}`}
      verb="Make"
      effect="The person who opens the link is signed in to the portal as this account: they see its usage and invoices, and may set its budget and change its tier. The link works once."
      needsReason={false}
      run={(fields) => {
        const body = { minutes: Number(fields.get("minutes")) };
        return makeChange(call("POST", `${accountPath(id)}/portal-sessions`, parsePortalLink, { body }));
      }}
      done={(value) => {
        const { url = "", expiresAt = "" } = parsePortalLink(value) ?? {};
        return (
          <>
            <SecretOnce secret={url} />
            <p>
              It works once, until <When iso={expiresAt} />.
            </p>
          </>
        );
      }}
      onClose={onClose}
    >
      <Choice label="Usable for" name="minutes" options={MINUTES} />
    </ActionDialog>
  );
}

export const parseEndedPortal = parseAs(
  isShape<{ readonly links: number; readonly sessions: number }>({ links: isNumber, sessions: isNumber }),
);

export function EndPortalDialog({ account: { id }, makeChange, onClose }: DialogProps) {
  return (
    <ActionDialog
      title={`End portal links and sessions of ${id}`}
      verb="End"
      isDangerous
      effect="All portal links and sessions of this account end at once. Its keys stay valid and can be used to sign in again."
      run={(_fields, reason) => {
        const path = withQuery(`${accountPath(id)}/portal-sessions`, { reason });
        return makeChange(call("DELETE", path, parseEndedPortal));
      }}
      done={(value) => {
        const { links = 0, sessions = 0 } = parseEndedPortal(value) ?? {};
        return `Links ended: ${links}; sessions ended: ${sessions}.`;
      }}
      onClose={onClose}
    />
  );
}

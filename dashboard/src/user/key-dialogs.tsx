/** The dialogs that issue, rotate and revoke keys. A new key is shown once, in the dialog, and stored nowhere. */
import { Choice } from "../kit/choice.tsx";
import { SecretOnce } from "../kit/secret-once.tsx";
import { When } from "../kit/time.tsx";
import { ActionDialog } from "../shell/action-dialog.tsx";
import type { ApiKey, NewKey } from "../shell/answers.ts";
import { call } from "../shell/api-client.ts";
import { fieldOf } from "../shell/field-of.ts";
import { withQuery } from "../shell/query.ts";
import { accountPath, isUseRecorded, parseKey, parseNewKey } from "./account-api.ts";
import type { DialogProps } from "./dialog-props.ts";
import { EXPIRIES, expiryOf } from "./expiry.ts";

type KeyDialogProps = Pick<DialogProps, "account" | "makeChange" | "onClose"> & { readonly of: ApiKey };

const HOUR_SECONDS = 3_600;
const GRACES = [
  [0, "none: it stops at once"],
  [HOUR_SECONDS, "1 hour"],
  [24 * HOUR_SECONDS, "1 day"],
  [7 * 24 * HOUR_SECONDS, "7 days"],
] as const;
const MODES = [
  ["live", "live"],
  ["test", "test: not billed"],
] as const;

export function IssueKeyDialog({
  account: { id },
  makeChange,
  onClose,
}: Pick<DialogProps, "account" | "makeChange" | "onClose">) {
  return (
    <ActionDialog
      title={`Issue a key for ${id}`}
      verb="Issue key"
      effect="Requests with the key spend this account's limits. The key is shown once, here."
      run={(fields, reason) => {
        const scopes = ["call", "check"].filter((scope) => fields.has(scope));
        const expiresAt = expiryOf(fields);
        const name = fieldOf(fields, "name");
        // The API rejects a key without scopes.
        const body = {
          name,
          scopes,
          mode: fields.get("mode"),
          ...(expiresAt === null ? {} : { expiresAt }),
          reason,
        };
        return makeChange(call("POST", `${accountPath(id)}/keys`, parseNewKey, { body }));
      }}
      done={(key) => <KeyOnce issued={parseNewKey(key)} />}
      onClose={onClose}
    >
      <label>
        Name
        <input name="name" maxLength={200} autocomplete="off" />
      </label>
      <fieldset>
        <legend>Scopes</legend>
        <label class="choice">
          <input type="checkbox" name="call" defaultChecked /> call: use the API behind the limiter
        </label>
        <label class="choice">
          <input type="checkbox" name="check" /> check: get decisions for any user, as a service
        </label>
      </fieldset>
      <Choice label="Mode" name="mode" options={MODES} />
      <Choice label="Expires" name="expires" options={EXPIRIES} />
    </ActionDialog>
  );
}

export function RotateKeyDialog({ account: { id }, of, makeChange, onClose }: KeyDialogProps) {
  return (
    <ActionDialog
      title={`Rotate key ${nameOf(of)}`}
      verb="Rotate"
      effect={`A new key replaces it, with the same name and scopes (${of.scopes.join(", ")}). The old key keeps working for the time below.`}
      run={(fields, reason) => {
        const body = { graceSeconds: Number(fields.get("grace")), reason };
        const path = `${accountPath(id)}/keys/${encodeURIComponent(of.keyId)}/rotate`;
        return makeChange(call("POST", path, parseNewKey, { body }));
      }}
      done={(key) => <KeyOnce issued={parseNewKey(key)} />}
      onClose={onClose}
    >
      <Choice label="Grace period of the old key" name="grace" options={GRACES} first={24 * HOUR_SECONDS} />
    </ActionDialog>
  );
}

export function RevokeKeyDialog({ account: { id }, of, makeChange, onClose }: KeyDialogProps) {
  return (
    <ActionDialog
      title={`Revoke key ${nameOf(of)}`}
      verb="Revoke"
      isDangerous
      effect={
        <>
          From the next request on, the key is rejected with 401. This cannot be undone.{" "}
          {of.lastUsedAt === null ? (
            isUseRecorded(of) ? (
              "It was never used."
            ) : (
              "It may be in use: only requests of its own account are recorded."
            )
          ) : (
            <>
              It was last used in the hour from <When iso={of.lastUsedAt} />.
            </>
          )}
        </>
      }
      run={(_fields, reason) => {
        const path = `${accountPath(id)}/keys/${encodeURIComponent(of.keyId)}`;
        return makeChange(call("DELETE", withQuery(path, { reason }), parseKey));
      }}
      done={() => "The key is revoked."}
      onClose={onClose}
    />
  );
}

function nameOf({ name, keyId }: ApiKey): string {
  return name === "" ? keyId.slice(0, 8) : name;
}

function KeyOnce({ issued }: { readonly issued: NewKey | null }) {
  if (!issued) return <p>The key is issued.</p>;
  return (
    <>
      <SecretOnce secret={issued.key} />
      {!issued.published && <p>It works in a few seconds: not all locations know it yet.</p>}
    </>
  );
}

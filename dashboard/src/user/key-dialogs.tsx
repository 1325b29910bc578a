/** Keys: issued, rotated, revoked. A new key's plaintext is shown once, in the dialog, and kept nowhere. */
import { useState } from "preact/hooks";
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call } from "../shell/api-client.ts";
import { accountPath, type ApiKey, type NewKey, parseKey, parseNewKey } from "./account-answers.ts";
import type { DialogProps } from "./dialog-props.ts";

type KeyDialogProps = Pick<DialogProps, "account" | "act" | "onClose"> & { readonly of: ApiKey };

const HOUR_SECONDS = 3_600;
const GRACES = [
  ["not at all: it stops at once", 0],
  ["1 hour", HOUR_SECONDS],
  ["1 day", 24 * HOUR_SECONDS],
  ["7 days", 7 * 24 * HOUR_SECONDS],
] as const;
const EXPIRIES = [
  ["never", 0],
  ["in 30 days", 30],
  ["in 90 days", 90],
  ["in 365 days", 365],
] as const;
const DAY_MS = 86_400_000;

export function IssueKeyDialog({
  account: { id },
  act,
  onClose,
}: Pick<DialogProps, "account" | "act" | "onClose">) {
  return (
    <ActionDialog
      title={`Issue a key for ${id}`}
      verb="Issue key"
      effect="Whoever has the key spends this account's limits. It is shown once, here."
      run={(fields, reason) => {
        const scopes = ["call", "check"].filter((scope) => fields.has(scope));
        const days = Number(fields.get("expires"));
        const expiry = days > 0 ? { expiresAt: new Date(Date.now() + days * DAY_MS).toISOString() } : {};
        const name = String(fields.get("name") ?? "").trim();
        // None chosen: the API says so.
        const body = { name, scopes, ...expiry, reason };
        return act(call("POST", `${accountPath(id)}/keys`, parseNewKey, { body }));
      }}
      done={(key) => <KeyOnce issued={parseNewKey(key)} />}
      onClose={onClose}
    >
      <label>
        Name
        <input name="name" maxLength={200} autocomplete="off" />
      </label>
      <fieldset>
        <legend>It may</legend>
        <label class="choice">
          <input type="checkbox" name="call" defaultChecked /> call the API behind the limiter
        </label>
        <label class="choice">
          <input type="checkbox" name="check" /> ask for any user's decisions, as a service
        </label>
      </fieldset>
      <label>
        Expires
        <select name="expires">
          {EXPIRIES.map(([text, days]) => (
            <option key={days} value={days}>
              {text}
            </option>
          ))}
        </select>
      </label>
    </ActionDialog>
  );
}

export function RotateKeyDialog({ account: { id }, of, act, onClose }: KeyDialogProps) {
  return (
    <ActionDialog
      title={`Rotate key ${nameOf(of)}`}
      verb="Rotate"
      effect={`A new key takes its place, with its name and scopes (${of.scopes.join(", ")}). The old one goes on working for the time below.`}
      run={(fields, reason) => {
        const body = { graceSeconds: Number(fields.get("grace")), reason };
        const path = `${accountPath(id)}/keys/${encodeURIComponent(of.keyId)}/rotate`;
        return act(call("POST", path, parseNewKey, { body }));
      }}
      done={(key) => <KeyOnce issued={parseNewKey(key)} />}
      onClose={onClose}
    >
      <label>
        The old key works on
        <select name="grace" defaultValue={String(24 * HOUR_SECONDS)}>
          {GRACES.map(([text, seconds]) => (
            <option key={seconds} value={seconds} selected={seconds === 24 * HOUR_SECONDS}>
              {text}
            </option>
          ))}
        </select>
      </label>
    </ActionDialog>
  );
}

export function RevokeKeyDialog({ account: { id }, of, act, onClose }: KeyDialogProps) {
  return (
    <ActionDialog
      title={`Revoke key ${nameOf(of)}`}
      verb="Revoke"
      isDangerous
      effect={`Requests with this key are refused with 401 from the next one on, and it cannot be had back. ${of.lastUsedAt === null ? "It was never used." : `It was last used in the hour of ${new Date(of.lastUsedAt).toLocaleString()}.`}`}
      run={(_fields, reason) => {
        const query = new URLSearchParams({ reason });
        return act(
          call("DELETE", `${accountPath(id)}/keys/${encodeURIComponent(of.keyId)}?${query}`, parseKey),
        );
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
  const [copied, setCopied] = useState<string | null>(null);
  if (!issued) return <p>The key is made.</p>;
  const copy = () =>
    navigator.clipboard.writeText(issued.key).then(
      () => setCopied("Copied."),
      () => setCopied("This browser does not let the page copy: mark the key and copy it."),
    );
  return (
    <>
      <p>Copy the key now: it is shown this once and kept nowhere.</p>
      <p class="buttons">
        <code class="secret">{issued.key}</code>
        <button type="button" class="primary" onClick={() => void copy()}>
          Copy
        </button>
      </p>
      {copied !== null && <p role="status">{copied}</p>}
      {!issued.published && <p>It works in some seconds: not all places know of it yet.</p>}
    </>
  );
}

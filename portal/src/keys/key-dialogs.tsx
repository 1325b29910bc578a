/** The dialogs that create, rotate and revoke keys. A new key is shown once, in the dialog, and stored nowhere. */
import { Choice } from "../../../dashboard/src/kit/choice.tsx";
import { SecretOnce } from "../../../dashboard/src/kit/secret-once.tsx";
import { ActionDialog } from "../../../dashboard/src/shell/action-dialog.tsx";
import type { ApiKey } from "../../../dashboard/src/shell/answers.ts";
import { call } from "../../../dashboard/src/shell/api-client.ts";
import { fieldOf } from "../../../dashboard/src/shell/field-of.ts";
import { parseKey, parseNewKey } from "../../../dashboard/src/user/account-api.ts";
import { KEYS } from "../portal-api.ts";
import { useSession } from "../session.tsx";

interface Props {
  readonly onClose: () => void;
}
interface KeyProps extends Props {
  readonly of: ApiKey;
}

const HOUR_SECONDS = 3_600;
const GRACES = [
  [0, "no time: it stops at once"],
  [HOUR_SECONDS, "1 hour"],
  [24 * HOUR_SECONDS, "1 day"],
  [7 * 24 * HOUR_SECONDS, "7 days"],
] as const;

/** The name of a key for people: its own, or the beginning of its id. */
export function keyName({ name, keyId }: ApiKey): string {
  return name === "" ? keyId.slice(0, 8) : name;
}

const keyPath = ({ keyId }: ApiKey): string => `${KEYS}/${encodeURIComponent(keyId)}`;

export function CreateKeyDialog({ onClose }: Props) {
  return (
    <ActionDialog
      title="New key"
      verb="Create key"
      needsReason={false}
      effect="Requests with the key use this account's limits and are billed to it. The key is shown once, here."
      run={(fields) => call("POST", KEYS, parseNewKey, { body: { name: fieldOf(fields, "name") } })}
      done={(key) => <NewKeyOnce answer={key} />}
      onClose={onClose}
    >
      <label>
        Name
        <input name="name" maxLength={200} autocomplete="off" placeholder="production, laptop, …" />
      </label>
    </ActionDialog>
  );
}

export function RotateKeyDialog({ of, onClose }: KeyProps) {
  const { kind } = useSession();
  return (
    <ActionDialog
      title={`Rotate key ${keyName(of)}`}
      verb="Rotate"
      needsReason={false}
      effect={`A new key replaces it. Both work for the time below, in which you can move your programs to the new one; then the old one is rejected.${
        kind === "key" ? " If you signed in with the old key, your session ends then, too." : ""
      }`}
      run={(fields) =>
        call("POST", `${keyPath(of)}/rotate`, parseNewKey, {
          body: { graceSeconds: Number(fields.get("grace")) },
        })
      }
      done={(key) => <NewKeyOnce answer={key} />}
      onClose={onClose}
    >
      <Choice label="The old key works for" name="grace" options={GRACES} first={24 * HOUR_SECONDS} />
    </ActionDialog>
  );
}

export function RevokeKeyDialog({ of, onClose }: KeyProps) {
  const { kind } = useSession();
  return (
    <ActionDialog
      title={`Revoke key ${keyName(of)}`}
      verb="Revoke"
      isDangerous
      needsReason={false}
      effect={`From the next request on, the key is rejected with 401. This cannot be undone.${
        kind === "key" ? " If you signed in with this key, you are signed out, too." : ""
      }`}
      run={() => call("DELETE", keyPath(of), parseKey)}
      done={() => "The key is revoked."}
      onClose={onClose}
    />
  );
}

function NewKeyOnce({ answer }: { readonly answer: unknown }) {
  const issued = parseNewKey(answer);
  if (!issued) return <p>The key is created.</p>;
  return (
    <>
      <SecretOnce secret={issued.key} />
      {!issued.published && <p>It works in a few seconds: not all locations know it yet.</p>}
    </>
  );
}

/** The dialog that creates an account, for a given id or for one that is entered. */
import { useState } from "preact/hooks";
import { Choice } from "../kit/choice.tsx";
import { ActionDialog } from "../shell/action-dialog.tsx";
import type { Inherited } from "../shell/answers.ts";
import { call } from "../shell/api-client.ts";
import { fieldOf } from "../shell/field-of.ts";
import { Link } from "../shell/page.tsx";
import { accountPath, ACCOUNTS, parseAccount, parseNewAccount, type TierCatalog } from "./account-api.ts";
import type { DialogProps } from "./dialog-props.ts";
import { FollowUp } from "./follow-up.tsx";
import { HOMES } from "./homes.ts";
import { inheritedText } from "./limit-text.ts";

interface Props extends Pick<DialogProps, "makeChange" | "onClose"> {
  /** Null: it is entered in the dialog. */
  readonly id: string | null;
  readonly policy: TierCatalog | null;
}

const HOME_OPTIONS = [
  ["", "the deployment's default"],
  ...Object.entries(HOMES).map(([home, title]) => [home, `${title} (${home})`] as const),
] as const;

export function CreateDialog({ id: given, policy, makeChange, onClose }: Props) {
  const { tiers = {}, defaultTier = "" } = policy?.document ?? {};
  const [id, setId] = useState(given ?? "");
  return (
    <ActionDialog
      title={given === null ? "Create an account" : `Create the account ${given}`}
      verb="Create"
      effect="From the next request on, the account's tier applies to this user, with keys and with tokens."
      run={(fields, reason) => {
        const filled = ["name", "tier", "home"]
          .map((name) => [name, fieldOf(fields, name)] as const)
          .filter(([, value]) => value !== "");
        const body = { id, ...Object.fromEntries(filled), reason };
        return makeChange(call("POST", ACCOUNTS, parseNewAccount, { body }));
      }}
      done={(value) => (
        <>
          <p>
            The account {given === null ? <Link to={{ screen: "user", params: { id } }}>{id}</Link> : id} is
            created. Issue a key for it, or use tokens that name it.
          </p>
          <InheritedNote
            id={id}
            inherited={parseNewAccount(value)?.inherited ?? null}
            makeChange={makeChange}
          />
        </>
      )}
      onClose={onClose}
    >
      {given === null && (
        <label>
          Id
          <input
            name="id"
            required
            maxLength={200}
            pattern="[!-~]+"
            title="Up to 200 printable ASCII characters without spaces"
            autocomplete="off"
            spellcheck={false}
            value={id}
            onInput={(event) => setId(event.currentTarget.value.trim())}
          />
        </label>
      )}
      <label>
        Name (optional, for people)
        <input name="name" maxLength={200} autocomplete="off" />
      </label>
      <Choice label="Tier" name="tier" options={Object.keys(tiers)} first={defaultTier} />
      <Choice label="Home" name="home" options={HOME_OPTIONS}>
        <span class="caption">
          Where the user's limits are counted: near their requests. It cannot be changed later.
        </span>
      </Choice>
    </ActionDialog>
  );
}

interface InheritedProps extends Pick<DialogProps, "makeChange"> {
  readonly id: string;
  readonly inherited: Inherited | null;
}

/** What the new account takes over, with buttons that clear it. */
function InheritedNote({ id, inherited, makeChange }: InheritedProps) {
  if (inherited === null) return null;
  const reason = "Cleared after the account was created";
  return (
    <>
      <p>{inheritedText(inherited)}</p>
      {inherited.limits.length > 0 && (
        <FollowUp
          verb="Reset its limits"
          run={() => makeChange(call("POST", `${accountPath(id)}/reset`, parseAccount, { body: { reason } }))}
          done="Its limits are full."
        />
      )}
      {inherited.blocked && (
        <FollowUp
          verb="Unblock it"
          run={() =>
            makeChange(call("PATCH", accountPath(id), parseAccount, { body: { status: "active", reason } }))
          }
          done="It is no longer blocked."
        />
      )}
    </>
  );
}

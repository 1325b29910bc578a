/**
 * Activates a policy after showing what changes. If someone else activated another policy meanwhile, nothing changes: the draft is
 * kept, and their changes can be compared. A policy that lacks what accounts use needs a second confirmation.
 */
import { useState } from "preact/hooks";
import { ActionDialog } from "../shell/action-dialog.tsx";
import type { NewRevision } from "../shell/answers.ts";
import type { ApiOutcome } from "../shell/api-client.ts";
import { ChangeList } from "./changes-view.tsx";
import {
  type Confirmation,
  faultsOf,
  parseNewRevision,
  type PolicyFault,
  type Revision,
} from "./policy-api.ts";
import { WarningList } from "./warning-list.tsx";

interface Props {
  readonly title: string;
  readonly verb: string;
  /** The revision in force. */
  readonly active: Revision;
  /** The document to activate. */
  readonly document: unknown;
  /** The warnings of its validation. */
  readonly warnings: readonly PolicyFault[];
  readonly activate: (confirmation: Confirmation) => Promise<ApiOutcome<NewRevision>>;
  readonly onActivated: () => void;
  /** Another revision was activated meanwhile. */
  readonly onConflict: () => void;
  readonly onClose: () => void;
}

/** HTTP statuses. */
const CONFLICT = 412;
const IN_USE = 409;

export function ActivationDialog(props: Props) {
  const { title, verb, active, document, activate, onActivated, onConflict, onClose } = props;
  const [hasConflict, setConflict] = useState(false);
  const [inUse, setInUse] = useState<readonly PolicyFault[] | null>(null);
  const run = async (fields: FormData, reason: string): Promise<ApiOutcome<NewRevision>> => {
    const outcome = await activate({ reason, force: fields.has("force") });
    if (outcome.kind === "ok") onActivated();
    if (outcome.kind !== "failed") return outcome;
    const faults = faultsOf(outcome.body);
    if (outcome.status === CONFLICT) {
      setConflict(true);
      onConflict();
    }
    if (outcome.status === IN_USE) {
      setInUse(warningsOf(faults, props.warnings));
      return {
        ...outcome,
        detail: "Accounts use tiers or limits that this policy lacks. Confirm that above, and try again.",
      };
    }
    const places = faults.map(({ path, message }) => `${path}: ${message}.`);
    return { ...outcome, detail: [outcome.detail, ...places].join(" ") };
  };
  return (
    <ActionDialog
      title={title}
      verb={verb}
      isDangerous
      effect={
        hasConflict ? (
          <>
            <p>Someone else activated another policy meanwhile. Your draft is kept.</p>
            <button type="button" onClick={onClose}>
              Compare with their policy
            </button>
          </>
        ) : (
          <>
            <p>
              It replaces revision {active.revision}: at once here, within a minute everywhere. You can roll
              back to revision {active.revision} from the history.
            </p>
            <ChangeList before={active.document} after={document} />
            <WarningList warnings={inUse ?? props.warnings} />
          </>
        )
      }
      run={run}
      done={(value) => <Done activated={parseNewRevision(value)} />}
      onClose={onClose}
    >
      {inUse !== null && (
        <label class="force">
          <input type="checkbox" name="force" required />
          {verb} although accounts use what the policy lacks
        </label>
      )}
    </ActionDialog>
  );
}

function Done({ activated }: { readonly activated: NewRevision | null }) {
  return (
    <p>
      Revision {activated?.revision ?? "?"} is in force here now, and everywhere within a minute.
      {activated?.published === false &&
        " It could not be published to KV yet. The Worker retries automatically."}
    </p>
  );
}

/** The faults of a rejection, with paths as validation has them, and the other warnings of the validation. */
function warningsOf(faults: readonly PolicyFault[], checked: readonly PolicyFault[]): PolicyFault[] {
  const orphans = faults.map(({ path, message }) => ({ path: path.replace(/^\/document/, ""), message }));
  const places = new Set(orphans.map(({ path, message }) => `${path} ${message}`));
  return [...orphans, ...checked.filter(({ path, message }) => !places.has(`${path} ${message}`))];
}

/**
 * Puts a policy into force, and says before what that changes. If somebody else was faster nothing changes: the draft is kept, and
 * theirs is offered to be seen beside it. A policy that lacks what accounts use is put only after a second confirmation.
 */
import { useState } from "preact/hooks";
import { ActionDialog } from "../shell/action-dialog.tsx";
import { isRecord, type Outcome } from "../shell/api-client.ts";
import { ChangeList } from "./changes-view.tsx";
import {
  type Activation,
  type Confirmation,
  parseActivation,
  parseFaults,
  type PolicyFault,
  type Revision,
} from "./policy-api.ts";
import { WarningList } from "./warning-list.tsx";

interface Props {
  readonly title: string;
  readonly verb: string;
  /** What is in force. */
  readonly active: Revision;
  /** What will be. */
  readonly document: unknown;
  /** What a check of the document said already. */
  readonly warnings: readonly PolicyFault[];
  readonly activate: (by: Confirmation) => Promise<Outcome<Activation>>;
  readonly onActivated: () => void;
  /** Somebody else was faster. */
  readonly onConflict: () => void;
  readonly onClose: () => void;
}

const LATE = 412;
const IN_USE = 409;

export function ActivationDialog(props: Props) {
  const { title, verb, active, document, activate, onActivated, onConflict, onClose } = props;
  const [isLate, setLate] = useState(false);
  const [inUse, setInUse] = useState<readonly PolicyFault[] | null>(null);
  const run = async (fields: FormData, reason: string): Promise<Outcome<Activation>> => {
    const outcome = await activate({ reason, force: fields.has("force") });
    if (outcome.kind === "ok") onActivated();
    if (outcome.kind !== "failed") return outcome;
    const faults = faultsIn(outcome.body);
    if (outcome.status === LATE) {
      setLate(true);
      onConflict();
    }
    if (outcome.status === IN_USE) {
      setInUse(warningsOf(faults, props.warnings));
      return {
        ...outcome,
        detail: "Accounts use what this policy lacks. Confirm that above, and try again.",
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
        isLate ? (
          <>
            <p>Somebody else put a policy into force meanwhile. What you have typed is kept.</p>
            <button type="button" onClick={onClose}>
              Compare with theirs
            </button>
          </>
        ) : (
          <>
            <p>
              It takes the place of revision {active.revision}: here at once, everywhere within a minute.
              Revision {active.revision} stays in the history, to be brought back.
            </p>
            <ChangeList before={active.document} after={document} />
            <WarningList warnings={inUse ?? props.warnings} />
          </>
        )
      }
      run={run}
      done={(value) => <Done activation={parseActivation(value)} />}
      onClose={onClose}
    >
      {inUse !== null && (
        <label class="force">
          <input type="checkbox" name="force" required />
          {verb} it although accounts use what it lacks
        </label>
      )}
    </ActionDialog>
  );
}

function Done({ activation }: { readonly activation: Activation | null }) {
  return (
    <p>
      Revision {activation?.revision ?? "?"} is in force here now, and everywhere within a minute.
      {activation?.published === false &&
        " It could not be published to KV yet: the Worker goes on trying by itself."}
    </p>
  );
}

/** The faults of a rejection, at the paths that a check gives, and what else the check warned of. */
function warningsOf(faults: readonly PolicyFault[], checked: readonly PolicyFault[]): PolicyFault[] {
  const orphans = faults.map(({ path, message }) => ({ path: path.replace(/^\/document/, ""), message }));
  const places = new Set(orphans.map(({ path, message }) => `${path} ${message}`));
  return [...orphans, ...checked.filter(({ path, message }) => !places.has(`${path} ${message}`))];
}

/** Why a document was rejected, and where. */
function faultsIn(body: unknown): readonly PolicyFault[] {
  const errors = isRecord(body) ? body["errors"] : null;
  return parseFaults({ valid: false, errors }) ?? [];
}

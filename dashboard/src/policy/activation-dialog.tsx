/**
 * Puts a policy into force, and says before what that changes. If somebody else was faster nothing changes: the draft is kept, and
 * theirs is offered to be seen beside it.
 */
import { useState } from "preact/hooks";
import { ActionDialog } from "../shell/action-dialog.tsx";
import { isRecord, type Outcome } from "../shell/api-client.ts";
import { ChangeList } from "./changes-view.tsx";
import { type Activation, parseActivation, parseFaults, type Revision } from "./policy-api.ts";

interface Props {
  readonly title: string;
  readonly verb: string;
  /** What is in force. */
  readonly active: Revision;
  /** What will be. */
  readonly document: unknown;
  readonly activate: (reason: string) => Promise<Outcome<Activation>>;
  readonly onActivated: () => void;
  /** Somebody else was faster. */
  readonly onConflict: () => void;
  readonly onClose: () => void;
}

const CONFLICT = 412;

export function ActivationDialog(props: Props) {
  const { title, verb, active, document, activate, onActivated, onConflict, onClose } = props;
  const [isLate, setLate] = useState(false);
  const run = async (_: FormData, reason: string): Promise<Outcome<Activation>> => {
    const outcome = await activate(reason);
    if (outcome.kind === "ok") onActivated();
    if (outcome.kind !== "failed") return outcome;
    if (outcome.status === CONFLICT) {
      setLate(true);
      onConflict();
    }
    return { ...outcome, detail: [outcome.detail, ...faultsIn(outcome.body)].join(" ") };
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
          </>
        )
      }
      run={run}
      done={(value) => <Done activation={parseActivation(value)} />}
      onClose={onClose}
    />
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

/** Where a refused document is at fault. */
function faultsIn(body: unknown): string[] {
  const errors = isRecord(body) ? body["errors"] : null;
  return (parseFaults({ valid: false, errors }) ?? []).map(({ path, message }) => `${path}: ${message}.`);
}

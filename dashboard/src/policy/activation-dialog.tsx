/**
 * Activates a policy after showing what changes, which accounts use what it lacks, and whom it would have denied in the last hour. If
 * someone else activated another policy meanwhile, nothing changes: the draft is kept, and their changes can be compared.
 */
import { useState } from "preact/hooks";
import { ActionDialog } from "../shell/action-dialog.tsx";
import type { NewRevision, PolicyUses } from "../shell/answers.ts";
import type { ApiOutcome } from "../shell/api-client.ts";
import { type Confirmation, faultsOf, parseNewRevision, type PolicyWarning } from "./activation-api.ts";
import { ChangeList } from "./change-list.tsx";
import { OrphanList } from "./orphan-list.tsx";
import type { Revision } from "./policy-api.ts";
import { TrafficEffect } from "./traffic-effect.tsx";
import { useWarnings } from "./use-warnings.ts";
import { WarningList } from "./warning-list.tsx";

interface Props {
  readonly title: string;
  readonly verb: string;
  /** The revision in force. */
  readonly active: Revision;
  /** The document to activate. Pass the same object as long as it is the same document. */
  readonly document: Revision["document"];
  /** The URL parameters of the simulator for this document. */
  readonly simulator: Readonly<Record<string, string>>;
  readonly uses: PolicyUses | null;
  readonly activate: (confirmation: Confirmation) => Promise<ApiOutcome<NewRevision>>;
  readonly onActivated: (revision: NewRevision) => void;
  /** Another revision was activated meanwhile. */
  readonly onConflict: () => void;
  readonly onClose: () => void;
}

/** HTTP statuses. */
const CONFLICT = 412;
const IN_USE = 409;

export function ActivationDialog(props: Props) {
  const { title, verb, document, activate, onActivated, onConflict, onClose } = props;
  const [hasConflict, setConflict] = useState(false);
  /** The messages of a rejection because of accounts: the validation may not have known them. */
  const [rejection, setRejection] = useState<readonly string[]>([]);
  const warnings = useWarnings(document);
  const mustForce = rejection.length > 0 || (warnings ?? []).some(({ inUse }) => inUse !== undefined);
  const run = async (fields: FormData, reason: string): Promise<ApiOutcome<NewRevision>> => {
    const outcome = await activate({ reason, force: fields.has("force") });
    if (outcome.kind === "ok") onActivated(outcome.value);
    if (outcome.kind !== "failed") return outcome;
    const faults = faultsOf(outcome.body);
    if (outcome.status === CONFLICT) {
      setConflict(true);
      onConflict();
    }
    if (outcome.status === IN_USE) {
      setRejection(faults.map(({ message }) => message));
      return {
        ...outcome,
        detail: "Accounts use tiers or limits that this policy lacks. Confirm that below, and try again.",
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
          <Conflict onClose={onClose} />
        ) : (
          <Effect {...props} warnings={warnings} rejection={rejection} />
        )
      }
      run={run}
      done={(value) => <Done activated={parseNewRevision(value)} />}
      onClose={onClose}
    >
      {mustForce && !hasConflict && (
        <label class="force">
          <input type="checkbox" name="force" required />
          {verb} although accounts use what the policy lacks
        </label>
      )}
    </ActionDialog>
  );
}

interface EffectProps extends Props {
  readonly warnings: readonly PolicyWarning[] | null;
  readonly rejection: readonly string[];
}

function Effect({ active, document, simulator, uses, warnings, rejection }: EffectProps) {
  const orphans = (warnings ?? []).flatMap(({ inUse }) => (inUse ? [inUse] : []));
  return (
    <div class="activation">
      <p>
        It replaces revision {active.revision}: at once here, within a minute everywhere. You can roll back to
        revision {active.revision} from the history.
      </p>
      <ChangeList before={active.document} after={document} uses={uses} />
      <OrphanList orphans={orphans} defaultTier={String(document["defaultTier"] ?? "")} />
      {orphans.length === 0 && <WarningList warnings={rejection.map((message) => ({ path: "", message }))} />}
      <WarningList warnings={(warnings ?? []).filter(({ inUse }) => inUse === undefined)} />
      <TrafficEffect document={document} simulator={simulator} />
    </div>
  );
}

function Conflict({ onClose }: { readonly onClose: () => void }) {
  return (
    <>
      <p>Someone else activated another policy meanwhile. Nothing changed, and your draft is kept.</p>
      <button type="button" class="primary" onClick={onClose}>
        Compare with their policy
      </button>
    </>
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

/** The validation of the draft: valid or not, its faults with links to their lines, what accounts lose by it, and other warnings. */
import { Icon } from "../kit/icon.tsx";
import type { Tone } from "../kit/tone.ts";
import { OrphanList } from "./orphan-list.tsx";
import type { LocatedFault, Validation } from "./validation.ts";
import { WarningList } from "./warning-list.tsx";

interface Props {
  /** Null without a draft. */
  readonly validation: Validation | null;
  readonly defaultTier: string;
  readonly onGoTo: (fault: LocatedFault) => void;
}

export function ValidationReport({ validation, defaultTier, onGoTo }: Props) {
  const warnings = validation?.warnings ?? [];
  return (
    <div class="validation">
      <p role="status" class="validity" data-tone={toneOf(validation)}>
        {validation?.isValid === true && <Icon name="check" />}
        {(validation?.faults.length ?? 0) > 0 && <Icon name="cross" />}
        {validationText(validation)}
      </p>
      {validation !== null && validation.faults.length > 0 && (
        <ul>
          {validation.faults.map((fault) => (
            <li key={`${fault.where} ${fault.message}`}>
              <button type="button" class="link" onClick={() => onGoTo(fault)}>
                {fault.where}
                {fault.where.startsWith("line") ? "" : ` (line ${fault.line})`}
              </button>{" "}
              {fault.message}
            </li>
          ))}
        </ul>
      )}
      <OrphanList
        orphans={warnings.flatMap(({ inUse }) => (inUse ? [inUse] : []))}
        defaultTier={defaultTier}
      />
      <WarningList warnings={warnings.filter(({ inUse }) => inUse === undefined)} />
    </div>
  );
}

function toneOf(validation: Validation | null): Tone {
  if (validation === null || validation.isChecking) return "neutral";
  if (validation.failure !== null) return "warning";
  return validation.isValid ? "allowed" : "error";
}

function validationText(validation: Validation | null): string {
  if (validation === null) return "This is the policy in force. Change it to start a draft.";
  const { faults, isChecking, failure } = validation;
  if (failure !== null) return `Validation failed: ${failure} Retrying automatically.`;
  if (isChecking) return "Checking…";
  if (faults.length === 0) return "Valid: no faults found.";
  return faults.length === 1 ? "Not valid: one fault." : `Not valid: ${faults.length} faults.`;
}

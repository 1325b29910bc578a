/** The validation of the draft: valid or not, its faults with links to their lines, and its warnings. */
import type { Place } from "./json-text.ts";
import type { Validation } from "./validation.ts";
import { WarningList } from "./warning-list.tsx";

interface Props {
  /** Null without a draft. */
  readonly validation: Validation | null;
  readonly onGoTo: (place: Place) => void;
}

export function ValidationReport({ validation, onGoTo }: Props) {
  return (
    <div class="validation">
      <p role="status">{validationText(validation)}</p>
      {validation !== null && validation.faults.length > 0 && (
        <ul>
          {validation.faults.map(({ where, message, place, line }) => (
            <li key={`${where} ${message}`}>
              <button type="button" class="link" onClick={() => onGoTo(place)}>
                {where}
                {where.startsWith("line") ? "" : ` (line ${line})`}
              </button>{" "}
              {message}
            </li>
          ))}
        </ul>
      )}
      <WarningList warnings={validation?.warnings ?? []} />
    </div>
  );
}

function validationText(validation: Validation | null): string {
  if (validation === null) return "This is the policy in force. Type to start a draft.";
  const { faults, isChecking, failure } = validation;
  if (failure !== null) return `Validation failed: ${failure} Retrying automatically.`;
  if (isChecking) return "Checking…";
  if (faults.length === 0) return "Valid: no faults found.";
  return faults.length === 1 ? "Not valid: one fault." : `Not valid: ${faults.length} faults.`;
}

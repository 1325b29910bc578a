/** The warnings about a valid policy: its effects on accounts that use the one in force. */
import type { PolicyFault } from "./policy-api.ts";

export function WarningList({ warnings }: { readonly warnings: readonly PolicyFault[] }) {
  if (warnings.length === 0) return null;
  return (
    <>
      <p>
        <strong>{warnings.length === 1 ? "One warning:" : `${warnings.length} warnings:`}</strong>
      </p>
      <ul class="warnings">
        {warnings.map(({ path, message }) => (
          <li key={`${path} ${message}`}>
            {path !== "" && <code>{path}</code>} {message}
          </li>
        ))}
      </ul>
    </>
  );
}

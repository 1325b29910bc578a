/** Warnings about a valid policy that name no accounts. */
import type { PolicyWarning } from "./activation-api.ts";

export function WarningList({ warnings }: { readonly warnings: readonly PolicyWarning[] }) {
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

/** How to roll back. Printed after every run, so that it is at hand in an emergency. */
import type { Deployment } from "./step.ts";

export function rollbackLines({ versionId, previousVersionId }: Deployment): string {
  const head = versionId ? "To roll back" : "Nothing was uploaded. To roll a deployment back";
  const command =
    versionId && previousVersionId
      ? `npx wrangler rollback ${previousVersionId}    (the previous version)`
      : "npx wrangler rollback [version]    (npx wrangler deployments list shows the versions)";
  const first =
    versionId && !previousVersionId
      ? "\n  This was the Worker's first deployment: npx wrangler delete undoes it."
      : "";
  return `${head}
  ${command}
  A rollback restores code and variables; counters, accounts, KV and secrets stay as they are (docs/deploy.md).${first}`;
}

/** How to go back, said after every run: nobody looks it up in a hurry. */
import type { Deployment } from "./step.ts";

export function rollbackLines({ versionId, previousVersionId }: Deployment): string {
  const head = versionId ? "To roll back" : "Nothing was uploaded. To roll a deployment back";
  const command =
    versionId && previousVersionId
      ? `npx wrangler rollback ${previousVersionId}    (the version that ran before)`
      : "npx wrangler rollback [version]    (versions: npx wrangler deployments list)";
  const first =
    versionId && !previousVersionId
      ? "\n  This was the Worker's first deployment: npx wrangler delete takes it back."
      : "";
  return `${head}
  ${command}
  Code and variables go back; counters, accounts, KV and secrets stay as they are (docs/deploy.md).${first}`;
}

/** The dialog that rolls back to an earlier revision: loads its document, then shows what activating it does. */
import type { PolicyUses } from "../shell/answers.ts";
import { HOUR_MS } from "../shell/durations.ts";
import { usePolled } from "../shell/use-polled.ts";
import { ActivationDialog } from "./activation-dialog.tsx";
import { rollBack } from "./activation-api.ts";
import { parseRevision, type Revision, revisionPath } from "./policy-api.ts";

interface Props {
  readonly revision: number;
  /** The revision in force. */
  readonly active: Revision;
  readonly uses: PolicyUses | null;
  readonly onActivated: (revision: Revision) => void;
  readonly refresh: () => void;
  readonly onClose: () => void;
}

/** A revision never changes. */
const EVERY_MS = HOUR_MS;

/** Shows nothing until the document is loaded. */
export function RollbackDialog({ revision, active, uses, onActivated, refresh, onClose }: Props) {
  const target = usePolled(revisionPath(revision), parseRevision, EVERY_MS).value;
  if (target === null) return null;
  return (
    <ActivationDialog
      title={`Roll back to revision ${revision}`}
      verb="Roll back"
      active={active}
      document={target.document}
      simulator={{ revision: String(revision) }}
      uses={uses}
      activate={(confirmation) => rollBack(revision, active.revision, confirmation)}
      onActivated={(info) => {
        onActivated({ ...info, document: target.document });
        refresh();
      }}
      onConflict={refresh}
      onClose={onClose}
    />
  );
}

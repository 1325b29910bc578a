/** The policy in force, the draft of the next, and the history; or one revision, with `revision` in the URL. */
import { useMemo, useState } from "preact/hooks";
import { usePage } from "../shell/page.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { History } from "./history.tsx";
import { parseRevision, POLICY, type Revision } from "./policy-api.ts";
import { parseUses, USES } from "./uses-api.ts";
import "./policy.css";
import { RevisionLine, RevisionView } from "./revision-view.tsx";
import { Workbench } from "./workbench.tsx";

/** Often enough to see the changes of others before an activation conflicts with them. */
const EVERY_MS = 15_000;
/** Counting accounts is work for the Worker, and a count a minute old is good enough. */
const USES_EVERY_MS = 60_000;

export function PolicyScreen() {
  const { address } = usePage();
  const polled = usePolled(POLICY, parseRevision, EVERY_MS);
  const uses = usePolled(USES, parseUses, USES_EVERY_MS).value;
  // Shown until it is polled: the draft that became it is gone.
  const [activated, setActivated] = useState<Revision | null>(null);
  const isNewer = activated !== null && activated.revision > (polled.value?.revision ?? -1);
  const newest = isNewer ? activated : polled.value;
  // A revision never changes: keep the object of the first answer, so that nothing is computed again.
  const active = useMemo(() => newest, [newest?.revision]);
  const revision = address.params["revision"];
  if (active === null) {
    return (
      <>
        <h1>Policy</h1>
        <PollState polled={polled} />
      </>
    );
  }
  if (revision !== undefined && /^\d{1,15}$/.test(revision)) {
    return (
      <>
        <PollState polled={polled} />
        <RevisionView
          key={revision}
          revision={Number(revision)}
          active={active}
          uses={uses}
          refresh={polled.refresh}
          onActivated={setActivated}
        />
      </>
    );
  }
  return (
    <>
      <h1>Policy: revision {active.revision} is in force</h1>
      <PollState polled={polled} />
      <RevisionLine revision={active} />
      <Workbench active={active} uses={uses} refresh={polled.refresh} onActivated={setActivated} />
      <History active={active} uses={uses} refresh={polled.refresh} onActivated={setActivated} />
    </>
  );
}

/** The policy in force, the draft of the next, and the history; or one revision, with `revision` in the URL. */
import { useMemo } from "preact/hooks";
import { usePage } from "../shell/page.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { History } from "./history.tsx";
import { parseRevision, POLICY } from "./policy-api.ts";
import "./policy.css";
import { RevisionLine, RevisionView } from "./revision-view.tsx";
import { Workbench } from "./workbench.tsx";

/** Often enough to see the changes of others before an activation conflicts with them. */
const EVERY_MS = 15_000;

export function PolicyScreen() {
  const { address } = usePage();
  const polled = usePolled(POLICY, parseRevision, EVERY_MS);
  const newest = polled.value;
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
        <RevisionView key={revision} revision={Number(revision)} active={active} refresh={polled.refresh} />
      </>
    );
  }
  return (
    <>
      <h1>Policy: revision {active.revision} is in force</h1>
      <PollState polled={polled} />
      <RevisionLine revision={active} />
      <Workbench active={active} refresh={polled.refresh} />
      <History active={active.revision} />
    </>
  );
}

/** Why a listed decision was made, without leaving the stream. Its own page has the rest. */
import { useEffect, useRef } from "preact/hooks";
import { decidedBy, whyText } from "../decisions/decision-text.ts";
import { decisionAddress } from "../decisions/log-query.ts";
import { CopyButton } from "../kit/copy-button.tsx";
import { type Facts, FactList } from "../kit/fact-list.tsx";
import { When } from "../kit/time.tsx";
import { exact, milliseconds, percent } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
import { RevisionLink } from "../shell/revision-link.tsx";
import { SubjectLink } from "../shell/subject-link.tsx";
import type { ListedDecision } from "./live-list.ts";
import { Outcome } from "../decisions/outcome.tsx";

interface Props {
  readonly row: ListedDecision;
  readonly onClose: () => void;
}

export function WhyDialog({ row, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const { at, requestId, account, route, method, tier, source, revision, limiterMs } = row;
  const facts: Facts = [
    ["When", <When iso={at} />],
    ["Who", <SubjectLink account={account} />],
    ["Route", `${method} ${route === "" ? "no route" : route}`],
    ["Tier", tier === "" ? "unknown" : tier],
    ["Decided by", `${decidedBy(row)}, in ${milliseconds(limiterMs)}`],
    ["Cost", exact(row.cost)],
    [
      "Left",
      source === "none"
        ? "no limit was checked"
        : `${percent(row.remainingFraction, 1)} of the tightest limit`,
    ],
    ["Policy", <RevisionLink of={revision} />],
  ];
  return (
    <dialog ref={dialog} class="why" onClose={onClose} aria-labelledby="why-title">
      <h2 id="why-title" tabIndex={-1} autofocus>
        <Outcome of={row} />
      </h2>
      <p>{whyText(row)}</p>
      <FactList facts={facts} />
      <p class="caption">
        Request <code>{requestId}</code> <CopyButton isShort text={requestId} label="Copy the request id" />
      </p>
      <div class="buttons">
        <Link to={decisionAddress(row)}>Open the decision</Link>
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}

/** One decision opened: why it came out so, by what, and how to try it again. Says where the log has nothing. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { count, milliseconds } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
import { SubjectLink } from "../shell/subject-link.tsx";
import { Time } from "../shell/time.tsx";
import {
  costText,
  countOf,
  type Decision,
  decidedBy,
  leftText,
  OUTCOME_TITLES,
  peekCommand,
  requestCommand,
  whyText,
} from "./decision.ts";

interface Props {
  readonly decision: Decision;
  readonly onClose: () => void;
}

export function DecisionDialog({ decision, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  const { at, account, outcome, route, method, tier, revision, keyId, requestId } = decision;
  const { limiterMs, upstreamMs, upstreamStatus, colo, country } = decision;
  const facts: readonly (readonly [string, ComponentChildren])[] = [
    ["When", <Time at={at} />],
    ["Who", <SubjectLink account={account} />],
    ["Route", route === "" ? "none matched" : <code>{route}</code>],
    ["Method", method],
    ["Tier", tier === "" ? "not known" : tier],
    [
      "Policy",
      <Link to={{ screen: "policy", params: { revision: String(revision) } }}>revision {revision}</Link>,
    ],
    ["Decided by", `${decidedBy(decision)}, in ${milliseconds(limiterMs)}`],
    ["Cost", costText(decision)],
    ["Limits", leftText(decision)],
    [
      "Upstream",
      upstreamStatus === "none" ? "not asked" : `${upstreamStatus} in ${milliseconds(upstreamMs)}`,
    ],
    ["Key", keyId === "" ? "none" : <code>{keyId}</code>],
    ["Where", [colo, country].filter((place) => place !== "").join(", ") || "not known"],
    ["Request", <code>{requestId}</code>],
    ["Stands for", `${count(countOf(decision))} ${countOf(decision) === 1 ? "request" : "requests like it"}`],
  ];
  const peek = peekCommand(decision, location.origin);
  return (
    <dialog ref={dialog} onClose={onClose} aria-labelledby="decision-title" data-outcome={outcome}>
      <h2 id="decision-title" class="outcome" tabIndex={-1} autofocus>
        {OUTCOME_TITLES[outcome]}
      </h2>
      <p>{whyText(decision)}</p>
      <dl class="decision">
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Command title="A request like it" text={requestCommand(decision, location.origin)} />
      {peek !== null && <Command title="Would it pass now? Spends nothing" text={peek} />}
      <p class="quiet">The log keeps no key, body or query: fill in what is missing.</p>
      <div class="buttons">
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}

function Command({ title, text }: { readonly title: string; readonly text: string }) {
  const [said, setSaid] = useState("");
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setSaid("Copied."),
      () => setSaid("This browser does not let the page copy: mark the text and copy it."),
    );
  return (
    <div class="command">
      <p>
        {title}{" "}
        <button type="button" aria-label={`Copy as curl: ${title}`} onClick={() => void copy()}>
          Copy as curl
        </button>{" "}
        <span role="status">{said}</span>
      </p>
      <code class="secret">{text}</code>
    </div>
  );
}

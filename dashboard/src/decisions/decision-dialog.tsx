/** The details of one decision: its reason, its source, and commands to try it again. Says which details the log lacks. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { LoggedDecision } from "../shell/answers.ts";
import { count, milliseconds } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
import { SubjectLink } from "../shell/subject-link.tsx";
import { Time } from "../shell/time.tsx";
import {
  costText,
  countOf,
  decidedBy,
  leftText,
  peekCommand,
  requestCommand,
  whyText,
} from "./decision-text.ts";
import { OUTCOME_TITLES } from "./decision-guards.ts";

interface Props {
  readonly decision: LoggedDecision;
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
    ["Tier", tier === "" ? "unknown" : tier],
    [
      "Policy",
      <Link to={{ screen: "policy", params: { revision: String(revision) } }}>revision {revision}</Link>,
    ],
    ["Decided by", `${decidedBy(decision)}, in ${milliseconds(limiterMs)}`],
    ["Cost", costText(decision)],
    ["Limits", leftText(decision)],
    [
      "Upstream",
      upstreamStatus === "none" ? "not called" : `${upstreamStatus} in ${milliseconds(upstreamMs)}`,
    ],
    ["Key", keyId === "" ? "none" : <code>{keyId}</code>],
    ["Where", [colo, country].filter((place) => place !== "").join(", ") || "unknown"],
    ["Request id", <code>{requestId}</code>],
    ["Stands for", `${count(countOf(decision))} ${countOf(decision) === 1 ? "request" : "similar requests"}`],
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
      <Command title="A similar request" text={requestCommand(decision, location.origin)} />
      {peek !== null && <Command title="Would it be allowed now? Spends nothing" text={peek} />}
      <p class="quiet">The log has no key, body or query: fill them in.</p>
      <div class="buttons">
        <button type="button" onClick={() => dialog.current?.close()}>
          Close
        </button>
      </div>
    </dialog>
  );
}

function Command({ title, text }: { readonly title: string; readonly text: string }) {
  const [status, setStatus] = useState("");
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setStatus("Copied."),
      () => setStatus("The browser did not allow copying. Select the text and copy it."),
    );
  return (
    <div class="command">
      <p>
        {title}{" "}
        <button type="button" aria-label={`Copy as curl: ${title}`} onClick={() => void copy()}>
          Copy as curl
        </button>{" "}
        <span role="status">{status}</span>
      </p>
      <code class="secret">{text}</code>
    </div>
  );
}

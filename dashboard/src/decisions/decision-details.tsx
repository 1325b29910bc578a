/** One decision: why, what would have passed, the limits before and after, what made it, and commands to try it again. */
import { CopyButton } from "../kit/copy-button.tsx";
import { type Facts, FactList } from "../kit/fact-list.tsx";
import { Section } from "../kit/section.tsx";
import { When } from "../kit/time.tsx";
import type { LoggedDecision } from "../shell/answers.ts";
import { count, milliseconds } from "../shell/format.ts";
import type { LogFilters } from "../shell/decision-log.ts";
import { Link } from "../shell/page.tsx";
import type { PageAddress } from "../shell/page-address.ts";
import { RevisionLink } from "../shell/revision-link.tsx";
import { SubjectLink } from "../shell/subject-link.tsx";
import { subjectName } from "../shell/subject.ts";
import { OUTCOME_TITLES } from "./decision-guards.ts";
import {
  costText,
  countOf,
  decidedBy,
  LEVEL_NOTES,
  type Passing,
  passingOf,
  peekCommand,
  requestCommand,
  requestIdsOf,
  upstreamText,
  whyText,
} from "./decision-text.ts";
import { levelsOf } from "./limit-levels.ts";
import { LimitTable } from "./limit-table.tsx";
import { toneOf } from "./outcome.tsx";

export function DecisionDetails({ decision }: { readonly decision: LoggedDecision }) {
  return (
    <>
      <Why decision={decision} />
      <Limits decision={decision} />
      <div class="columns">
        <Section title="Request">
          <FactList facts={requestFacts(decision)} />
        </Section>
        <Section title="Decision">
          <FactList facts={decisionFacts(decision)} />
        </Section>
      </div>
      <Commands decision={decision} />
    </>
  );
}

function Why({ decision }: { readonly decision: LoggedDecision }) {
  const passing = passingOf(decision);
  const facts: Facts = [
    ["Why", whyText(decision)],
    ...(passing === null ? [] : [["Would have passed", <Passed passing={passing} />] as const]),
    ["See also", <Related decision={decision} />],
  ];
  return (
    <div class="verdict" data-tone={toneOf(decision)}>
      <FactList facts={facts} />
    </div>
  );
}

function Passed({ passing: { atMs, same, atOnce } }: { readonly passing: Passing }) {
  return (
    <>
      {atMs !== null && (
        <>
          At <When iso={atMs} isShort />,{" "}
        </>
      )}
      {same}
      {atOnce !== null && (
        <>
          <br />
          {atOnce}
        </>
      )}
    </>
  );
}

/** The decisions that have the same. */
function all(params: LogFilters): PageAddress {
  return { screen: "decisions", params };
}

/** The decisions around this one. */
function Related({ decision: { account, route, reason, outcome } }: { readonly decision: LoggedDecision }) {
  return (
    <span class="related">
      {account !== "" && <Link to={all({ account })}>all of {subjectName(account)}</Link>}
      {account !== "" && outcome !== "allowed" && (
        <Link to={all({ account, outcome, reason })}>
          {OUTCOME_TITLES[outcome].toLowerCase()} for the same reason
        </Link>
      )}
      {route !== "" && outcome !== "allowed" && (
        <Link to={all({ route, outcome })}>the same on this route</Link>
      )}
    </span>
  );
}

function Limits({ decision }: { readonly decision: LoggedDecision }) {
  const found = levelsOf(decision);
  const { requests, source, outcome } = decision;
  return (
    <Section title="Limits" detail={found.kind === "levels" ? LEVEL_NOTES[source] : undefined}>
      {found.kind === "unknown" && (
        <p class="quiet">Not recorded: nothing was decided, or an older version of the Worker decided.</p>
      )}
      {found.kind === "none" && (
        <p class="quiet">
          {outcome === "allowed" ? "No limit applies to the tier and the route." : "No limit was checked."}
        </p>
      )}
      {found.kind === "levels" && <LimitTable decision={decision} levels={found.levels} />}
      {found.kind === "levels" && requests > 1 && (
        <p class="caption">Of the first of {count(requests)} equal requests that were recorded together.</p>
      )}
    </Section>
  );
}

function requestFacts(decision: LoggedDecision): Facts {
  const { at, account, route, method, tier, keyId, colo, country } = decision;
  const [requestId = "", ...others] = requestIdsOf(decision);
  return [
    ["Time", <When iso={at} />],
    ["User", <SubjectLink account={account} />],
    [
      "Route",
      route === "" ? (
        "none"
      ) : (
        <Link to={all({ route })}>
          <code>{route}</code>
        </Link>
      ),
    ],
    ["Method", method],
    ["Tier", tier === "" ? "unknown" : <Link to={all({ tier })}>{tier}</Link>],
    [
      "Key",
      keyId === "" ? (
        "none"
      ) : (
        <Link to={all({ keyId })}>
          <code>{keyId}</code>
        </Link>
      ),
    ],
    ["Where", [colo, country].filter((place) => place !== "").join(", ") || "not known"],
    [
      "Request id",
      <>
        <code>{requestId}</code> <CopyButton text={requestId} label="Copy the request id" isShort />
        {others.length > 0 && (
          <details>
            <summary>and {count(others.length)} equal ones, recorded together</summary>
            {others.map((id) => (
              <div key={id}>
                <code>{id}</code>
              </div>
            ))}
          </details>
        )}
      </>,
    ],
  ];
}

function decisionFacts(decision: LoggedDecision): Facts {
  const { revision, limiterMs, upstreamMs, upstreamStatus, source, reason, rule } = decision;
  const requests = countOf(decision);
  return [
    ["Decided by", decidedBy(decision)],
    ["Took", source === "none" ? "–" : milliseconds(limiterMs)],
    ["Cost", costText(decision)],
    ["Policy", <RevisionLink of={revision} />],
    [
      "Upstream",
      upstreamStatus !== "none"
        ? `${upstreamText(decision)} after ${milliseconds(upstreamMs)}`
        : reason.startsWith("upstream_")
          ? `no answer after ${milliseconds(upstreamMs)}`
          : "not called",
    ],
    ...(rule === "" ? [] : [["Rule", rule] as const]),
    ["Stands for", requests === 1 ? "1 request" : `${count(requests)} equal requests`],
  ];
}

function Commands({ decision }: { readonly decision: LoggedDecision }) {
  const similar = requestCommand(decision, location.origin);
  const peek = peekCommand(decision, location.origin);
  if (similar === null && peek === null) return null;
  return (
    <Section title="Try it again" detail="The log has no key, query or body: fill them in.">
      {similar !== null && <Command title="A similar request" text={similar} />}
      {peek !== null && <Command title="Would it be allowed now? Spends nothing" text={peek} />}
    </Section>
  );
}

function Command({ title, text }: { readonly title: string; readonly text: string }) {
  return (
    <div class="command">
      <p>
        {title} <CopyButton text={text} label="Copy as curl" />
      </p>
      <code class="secret">{text}</code>
    </div>
  );
}

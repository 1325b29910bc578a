/** The changes between two policies in words, with the accounts that they apply to. */
import { useMemo } from "preact/hooks";
import { Badge } from "../kit/badge.tsx";
import { count, counted } from "../shell/format.ts";
import type { PolicyUses } from "../shell/answers.ts";
import { Link } from "../shell/page.tsx";
import { accountsOf } from "./activation-api.ts";
import { policyChanges, type PolicyChange } from "./policy-changes.ts";

interface Props {
  readonly before: unknown;
  readonly after: unknown;
  /** What accounts use; null if it is not known. */
  readonly uses: PolicyUses | null;
}

const TONES = { tighter: "denied", looser: "allowed" } as const;
/** Enough to judge a change; the text below shows all of it. */
const MAX_SHOWN = 30;

export function ChangeList({ before, after, uses }: Props) {
  const changes = useMemo(() => policyChanges(before, after), [before, after]);
  if (changes.length === 0) return <p>Nothing changes.</p>;
  const rest = changes.length - MAX_SHOWN;
  return (
    <>
      <ul class="policy-changes" aria-label="Changes">
        {changes.slice(0, MAX_SHOWN).map((change) => (
          <Change key={`${change.part} ${change.name} ${change.words}`} change={change} uses={uses} />
        ))}
      </ul>
      {rest > 0 && <p class="quiet">And {count(rest)} more.</p>}
    </>
  );
}

interface ChangeProps {
  readonly change: PolicyChange;
  readonly uses: PolicyUses | null;
}

function Change({ change: { part, name, words, effect }, uses }: ChangeProps) {
  const accounts = part === "tier" ? accountsOf(uses, name) : null;
  return (
    <li>
      <Badge tone={effect === null ? "neutral" : TONES[effect]}>{effect ?? "changed"}</Badge>
      <span>
        {name !== "" && <strong>{name} </strong>}
        {words}
        {accounts !== null && <TierAccounts tier={name} accounts={accounts} />}
      </span>
    </li>
  );
}

function TierAccounts({ tier, accounts }: { readonly tier: string; readonly accounts: number }) {
  if (accounts === 0) return <span class="quiet">; no account has this tier</span>;
  return (
    <>
      {"; "}
      <Link to={{ screen: "user", params: { tier } }}>{counted(accounts, "account")}</Link>{" "}
      {accounts === 1 ? "has" : "have"} it
    </>
  );
}

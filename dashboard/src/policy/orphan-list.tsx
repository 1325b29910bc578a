/** What accounts use and a policy lacks: tiers, overrides and grants, with links to the accounts. */
import { Icon } from "../kit/icon.tsx";
import { counted } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
import type { PolicyUse } from "./uses-api.ts";

interface Props {
  readonly orphans: readonly PolicyUse[];
  /** The tier that applies to accounts whose tier is missing. */
  readonly defaultTier: string;
}

export function OrphanList({ orphans, defaultTier }: Props) {
  if (orphans.length === 0) return null;
  return (
    <section class="orphans" aria-label="Accounts use what this policy lacks">
      <h3>
        <Icon name="warning" />
        Accounts use what this policy lacks
      </h3>
      <ul>
        {orphans.map(({ kind, tier, limit, accounts, examples }) => (
          <li key={`${kind} ${tier} ${limit}`}>
            {kind === "tier" ? (
              <>
                <strong>Tier {tier}</strong>: the default tier {defaultTier} will limit{" "}
              </>
            ) : (
              <>
                <strong>
                  {kind === "grant" ? "Grants" : "Overrides"} for {limit}
                </strong>{" "}
                in tier {tier}: they will have no effect for{" "}
              </>
            )}
            <Link to={{ screen: "user", params: { tier } }}>{counted(accounts, "account")}</Link>:{" "}
            {examples.map((id, i) => (
              <span key={id}>
                {i > 0 && ", "}
                <Link to={{ screen: "user", params: { id } }}>{id}</Link>
              </span>
            ))}
            {examples.length < accounts && ", …"}
          </li>
        ))}
      </ul>
    </section>
  );
}

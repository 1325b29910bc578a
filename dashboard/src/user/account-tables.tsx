/** An account's keys, grants and overrides as tables. Neither polls nor changes anything. */
import { Badge } from "../kit/badge.tsx";
import { Empty } from "../kit/state.tsx";
import { ACTIONS, Table } from "../kit/table.tsx";
import { When } from "../kit/time.tsx";
import type { Account, ApiKey } from "../shell/answers.ts";
import { duration, exact } from "../shell/format.ts";
import { Link } from "../shell/page.tsx";
import { isUseRecorded, type TierCatalog } from "./account-api.ts";
import { numbersText } from "./limit-text.ts";
import { RowAction } from "./user-actions.tsx";
import type { UserAction } from "./use-user.ts";

interface KeysProps {
  readonly keys: readonly ApiKey[];
  readonly onOpen: (action: UserAction) => void;
}

export function KeysTable({ keys, onOpen }: KeysProps) {
  if (keys.length === 0)
    return <Empty title="No keys" hint="Issue one, or use tokens that name this user." />;
  return (
    <Table label="List of keys" heads={[["Key", "name"], "Scopes", "Issued", "Last used", "State", ACTIONS]}>
      {keys.map((key) => {
        const { keyId, name, scopes, mode, createdAt, lastUsedAt } = key;
        return (
          <tr key={keyId}>
            <th scope="row" class="name">
              {name === "" ? <span class="quiet">no name</span> : name}{" "}
              <code class="quiet">{keyId.slice(0, 8)}</code>{" "}
              {mode === "test" && <Badge tone="neutral">not billed</Badge>}
            </th>
            <td>{scopes.join(", ")}</td>
            <td>
              <When iso={createdAt} />
            </td>
            <td>
              {lastUsedAt === null ? (
                <span class="quiet">{isUseRecorded(key) ? "never" : "not recorded"}</span>
              ) : (
                <Link to={{ screen: "decisions", params: { keyId } }}>
                  <When iso={lastUsedAt} />
                </Link>
              )}
            </td>
            <td>
              <KeyState of={key} />
            </td>
            <td class="row-actions">
              {isValid(key) && (
                <>
                  <RowAction verb="Rotate" of={name} onClick={() => onOpen({ rotate: key })} />
                  <RowAction verb="Revoke" of={name} onClick={() => onOpen({ revoke: key })} />
                </>
              )}
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

function isValid({ revokedAt, expiresAt }: ApiKey): boolean {
  return revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > Date.now());
}

function KeyState({ of: key }: { readonly of: ApiKey }) {
  const { revokedAt, expiresAt } = key;
  if (revokedAt !== null) {
    return (
      <>
        <Badge tone="neutral">revoked</Badge> <When iso={revokedAt} />
      </>
    );
  }
  if (expiresAt === null) return <Badge tone="allowed">valid</Badge>;
  return (
    <>
      {isValid(key) ? <Badge tone="allowed">valid</Badge> : <Badge tone="neutral">expired</Badge>} until{" "}
      <When iso={expiresAt} />
    </>
  );
}

interface AccountProps {
  readonly account: Account;
  readonly onOpen: (action: UserAction) => void;
}

export function GrantsTable({ account: { grants, orphaned }, onOpen }: AccountProps) {
  if (grants.length === 0) return <Empty title="No grants" hint="Raise a limit to grant extra for a time." />;
  return (
    <Table label="List of grants" heads={[["Limit", "name"], ["Extra", "num"], "Until", ACTIONS]}>
      {grants.map((grant) => {
        const { grantId, limit, amount, until } = grant;
        return (
          <tr key={grantId}>
            <th scope="row" class="name">
              {limit} {orphaned.grants.includes(limit) && <NoEffect />}
            </th>
            <td class="num">+{exact(amount)}</td>
            <td>
              <When iso={until} />{" "}
              <span class="caption">{duration(Math.max(0, Date.parse(until) - Date.now()))} left</span>
            </td>
            <td class="row-actions">
              <RowAction
                verb="Revoke"
                of={`the grant of ${exact(amount)} of ${limit}`}
                onClick={() => onOpen({ revokeGrant: grant })}
              />
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

interface OverridesProps extends AccountProps {
  /** Null until loaded. */
  readonly policy: TierCatalog | null;
}

export function OverridesTable({ account, policy, onOpen }: OverridesProps) {
  const { tier, limits, orphaned } = account;
  const overrides = Object.entries(limits);
  if (overrides.length === 0) return <Empty title="No overrides" hint="The tier's limits apply." />;
  const ofTier = policy?.document.tiers[tier]?.limits ?? [];
  return (
    <Table label="List of overrides" heads={[["Limit", "name"], "Own numbers", ACTIONS]}>
      {overrides.map(([name, numbers]) => {
        const inTier = ofTier.find((limit) => limit.name === name);
        return (
          <tr key={name}>
            <th scope="row" class="name">
              {name} {orphaned.limits.includes(name) && <NoEffect />}
            </th>
            <td>
              {numbersText(numbers)}
              {inTier && <div class="caption">instead of {numbersText(inTier)}</div>}
            </td>
            <td class="row-actions">
              <RowAction
                verb="Remove"
                of={`the override of ${name}`}
                onClick={() => onOpen({ removeOverride: name })}
              />
            </td>
          </tr>
        );
      })}
    </Table>
  );
}

/** The policy lacks the limit. */
function NoEffect() {
  return <Badge tone="warning">no effect: the policy lacks it</Badge>;
}

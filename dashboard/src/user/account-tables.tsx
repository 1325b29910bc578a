/** An account's keys, grants, overrides and history as tables. Neither polls nor changes anything. */
import type { ComponentChildren } from "preact";
import type { Account, ApiKey, AuditEntry, Grant } from "../shell/answers.ts";
import { exact } from "../shell/format.ts";
import { Time } from "../shell/time.tsx";
import { auditChanges, numbersText } from "./limit-text.ts";

interface TableProps {
  readonly title: string;
  readonly columns: readonly string[];
  /** The text if there are no rows. */
  readonly none: string;
  readonly rows: readonly ComponentChildren[];
}

function Table({ title, columns, none, rows }: TableProps) {
  if (rows.length === 0) return <p class="quiet">{none}</p>;
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={`${title}, table`}>
      <table class="rows">
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{rows}</tbody>
      </table>
    </div>
  );
}

interface KeysProps {
  readonly keys: readonly ApiKey[];
  /** The buttons of a valid key. */
  readonly actions: (key: ApiKey) => ComponentChildren;
}

export function KeysTable({ keys, actions }: KeysProps) {
  const rows = keys.map((key) => {
    const { keyId, name, scopes, createdAt, lastUsedAt } = key;
    return (
      <tr key={keyId}>
        <th scope="row">
          {name === "" ? "no name" : name} <code class="quiet">{keyId.slice(0, 8)}</code>
        </th>
        <td>{scopes.join(", ")}</td>
        <td>
          <Time at={createdAt} />
        </td>
        <td>{lastUsedAt === null ? "never" : <Time at={lastUsedAt} />}</td>
        <td>{stateOf(key)}</td>
        <td>{isValid(key) && actions(key)}</td>
      </tr>
    );
  });
  const columns = ["Key", "Scopes", "Issued", "Last used (to the hour)", "State", "Actions"];
  return <Table title="Keys" columns={columns} none="No keys." rows={rows} />;
}

function isValid({ revokedAt, expiresAt }: ApiKey): boolean {
  return revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > Date.now());
}

function stateOf(key: ApiKey): ComponentChildren {
  const { revokedAt, expiresAt } = key;
  if (revokedAt !== null) {
    return (
      <>
        revoked <Time at={revokedAt} />
      </>
    );
  }
  if (expiresAt === null) return "valid";
  return (
    <>
      {isValid(key) ? "valid until" : "expired"} <Time at={expiresAt} />
    </>
  );
}

export function GrantsTable({ grants }: { readonly grants: readonly Grant[] }) {
  const rows = grants.map(({ grantId, limit, amount, until, createdAt }) => (
    <tr key={grantId}>
      <th scope="row">{limit}</th>
      <td>+{exact(amount)}</td>
      <td>
        <Time at={until} />
      </td>
      <td>
        <Time at={createdAt} />
      </td>
    </tr>
  ));
  return (
    <Table title="Grants" columns={["Limit", "Extra", "Until", "Granted"]} none="No grants." rows={rows} />
  );
}

export function OverridesTable({ limits }: { readonly limits: Account["limits"] }) {
  const rows = Object.entries(limits).map(([name, numbers]) => (
    <tr key={name}>
      <th scope="row">{name}</th>
      <td>{numbersText(numbers)}</td>
    </tr>
  ));
  const none = "No overrides: the tier's limits apply.";
  return <Table title="Overrides" columns={["Limit", "Instead of the tier's"]} none={none} rows={rows} />;
}

export function AuditTable({ entries }: { readonly entries: readonly AuditEntry[] }) {
  const rows = entries.map(({ seq, at, actor, reason, action, before, after }) => (
    <tr key={seq}>
      <th scope="row">
        <Time at={at} />
      </th>
      <td>{actor}</td>
      <td>{action}</td>
      <td>{reason === "" ? <span class="quiet">none given</span> : reason}</td>
      <td>
        <ul class="changes">
          {auditChanges(before, after).map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </td>
    </tr>
  ));
  return (
    <Table
      title="History"
      columns={["When", "Who", "What", "Why", "Change"]}
      none="No changes."
      rows={rows}
    />
  );
}

/** An account's keys, grants, own numbers and history as tables. Never asks and never changes anything itself. */
import type { ComponentChildren } from "preact";
import { exact } from "../shell/format.ts";
import { Time } from "../shell/time.tsx";
import type { ApiKey, AuditEntry, Grant, LimitNumbers } from "./account-answers.ts";
import { auditChanges, numbersText } from "./limit-text.ts";

interface TableProps {
  readonly title: string;
  readonly columns: readonly string[];
  /** Said where there are no rows. */
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
  /** Buttons for one that is in force. */
  readonly actions: (key: ApiKey) => ComponentChildren;
}

export function KeysTable({ keys, actions }: KeysProps) {
  const rows = keys.map((key) => {
    const { keyId, name, scopes, createdAt, lastUsedAt } = key;
    const ended = endOf(key);
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
        <td>{ended}</td>
        <td>{isInForce(key) && actions(key)}</td>
      </tr>
    );
  });
  const columns = ["Key", "May", "Issued", "Last used (to the hour)", "State", "Actions"];
  return <Table title="Keys" columns={columns} none="No keys." rows={rows} />;
}

export function isInForce({ revokedAt, expiresAt }: ApiKey): boolean {
  return revokedAt === null && (expiresAt === null || Date.parse(expiresAt) > Date.now());
}

function endOf(key: ApiKey): ComponentChildren {
  const { revokedAt, expiresAt } = key;
  if (revokedAt !== null) {
    return (
      <>
        revoked <Time at={revokedAt} />
      </>
    );
  }
  if (expiresAt === null) return "in force";
  return (
    <>
      {isInForce(key) ? "in force until" : "expired"} <Time at={expiresAt} />
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
    <Table
      title="Grants"
      columns={["Limit", "Extra", "Until", "Granted"]}
      none="No extra is granted."
      rows={rows}
    />
  );
}

export function OverridesTable({ limits }: { readonly limits: Readonly<Record<string, LimitNumbers>> }) {
  const rows = Object.entries(limits).map(([name, numbers]) => (
    <tr key={name}>
      <th scope="row">{name}</th>
      <td>{numbersText(numbers)}</td>
    </tr>
  ));
  const none = "The tier's numbers hold.";
  return (
    <Table title="Numbers of its own" columns={["Limit", "Instead of the tier's"]} none={none} rows={rows} />
  );
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
      none="Nothing was changed."
      rows={rows}
    />
  );
}

/** The audit trail of an account in words, page by page. Deleted accounts keep theirs. */
import { Section } from "../kit/section.tsx";
import { Empty } from "../kit/state.tsx";
import { Table } from "../kit/table.tsx";
import { When } from "../kit/time.tsx";
import type { AuditEntry } from "../shell/answers.ts";
import { shortMoment } from "../shell/moment.ts";
import { Link, usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { PollState } from "../shell/poll-state.tsx";
import { withQuery } from "../shell/query.ts";
import { usePolled } from "../shell/use-polled.ts";
import { accountPath, parseAudit } from "./account-api.ts";
import { auditText } from "./audit-text.ts";

const ROWS = "10";
const EVERY_MS = 15_000;

export function AccountHistory({ id }: { readonly id: string }) {
  const { address } = usePage();
  const { audit: cursor = "" } = address.params;
  const path = withQuery(`${accountPath(id)}/audit`, { limit: ROWS, cursor });
  const polled = usePolled(path, parseAudit, EVERY_MS);
  // There never was an account with this id.
  if (polled.status === 404) return null;
  const page = polled.value;
  return (
    <Section title="History">
      <PollState polled={polled} />
      {page?.entries.length === 0 && <Empty title="No changes" />}
      {page && page.entries.length > 0 && <AuditTable entries={page.entries} />}
      {page && (cursor !== "" || page.cursor !== null) && (
        <nav class="pages" aria-label="Pages of the history">
          {cursor !== "" && <Link to={changed(address, { audit: "" })}>Newest</Link>}
          {page.cursor !== null && <Link to={changed(address, { audit: page.cursor })}>Older</Link>}
        </nav>
      )}
    </Section>
  );
}

function AuditTable({ entries }: { readonly entries: readonly AuditEntry[] }) {
  return (
    <Table
      label="Changes of the account"
      kind="history"
      heads={["When", ["What", "name"], ["Why", "name"], "Who"]}
    >
      {entries.map((entry) => {
        const { title, lines } = auditText(entry, whenText);
        return (
          <tr key={entry.seq}>
            <th scope="row">
              <When iso={entry.at} />
            </th>
            <td class="name">
              <strong>{title}</strong>
              {lines.map((line) => (
                <div key={line}>{line}</div>
              ))}
            </td>
            <td class="name">{entry.reason === "" ? <span class="quiet">none given</span> : entry.reason}</td>
            <td>{entry.actor}</td>
          </tr>
        );
      })}
    </Table>
  );
}

function whenText(iso: string): string {
  const ms = Date.parse(iso);
  return Number.isNaN(ms) ? iso : shortMoment(ms, Date.now());
}

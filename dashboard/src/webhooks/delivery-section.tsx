/** The deliveries of one webhook endpoint, the newest first, with what came of each. */
import { Badge } from "../kit/badge.tsx";
import { Choice } from "../kit/choice.tsx";
import { Section } from "../kit/section.tsx";
import { Empty } from "../kit/state.tsx";
import { ACTIONS, Table } from "../kit/table.tsx";
import { When } from "../kit/time.tsx";
import { usePage } from "../shell/page.tsx";
import { changed } from "../shell/page-address.ts";
import { Pages } from "../shell/pages.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { withQuery } from "../shell/query.ts";
import { SubjectLink } from "../shell/subject-link.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { RowAction } from "../user/user-actions.tsx";
import {
  type Attempt,
  type Delivery,
  type Endpoint,
  parseDeliveries,
  STATE_TONES,
  WEBHOOKS_PATH,
} from "./webhook-api.ts";
import { STEPS } from "./webhook-dialog.tsx";

const STATES = [["", "Any"], "waiting", "delivered", "dead"] as const;

interface Props {
  readonly of: Endpoint;
  readonly onReplay: (delivery: Delivery) => void;
}

export function DeliverySection({ of: { id, url }, onReplay }: Props) {
  const { address, go } = usePage();
  const { state = "", cursor = "" } = address.params;
  const path = withQuery(`${WEBHOOKS_PATH}/${id}/deliveries`, { state, cursor });
  const polled = usePolled(path, parseDeliveries);
  const { value } = polled;
  const pick = (picked: string) => go(changed(address, { state: picked, cursor: "" }));
  return (
    <Section title="Deliveries" detail={url}>
      <div class="filter-bar">
        <Choice label="State" options={STATES} value={state} onPick={pick} />
      </div>
      <PollState polled={polled} />
      {value?.deliveries.length === 0 && (
        <Empty title="No deliveries" hint="Events of the last 30 days are listed." />
      )}
      {value && value.deliveries.length > 0 && (
        <Table
          label="Deliveries"
          heads={[["Event", "name"], "User", "State", ["Attempts", "num"], "Last", ACTIONS]}
        >
          {value.deliveries.map((delivery) => (
            <tr key={delivery.event}>
              <th scope="row" class="name">
                {delivery.type} <span class="caption">{delivery.event}</span>
              </th>
              <td>
                {delivery.account === null ? "–" : <SubjectLink account={`user:${delivery.account}`} />}
              </td>
              <td>
                <Badge tone={STATE_TONES[delivery.state]}>{delivery.state}</Badge>
              </td>
              <td class="num">{delivery.attempts}</td>
              <td>
                <LastAttempt of={delivery.lastAttempt} />
              </td>
              <td class="row-actions">
                <RowAction verb={STEPS.replay.verb} of={delivery.event} onClick={() => onReplay(delivery)} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      <Pages next={value?.cursor ?? null} />
    </Section>
  );
}

function LastAttempt({ of }: { readonly of: Attempt | null }) {
  if (of === null) return <>–</>;
  return (
    <>
      {of.error ?? of.status} <When iso={of.at} />
    </>
  );
}

/** Webhook endpoints: what waits for each, and what can be done with it. One of them is shown with its deliveries. */
import { useState } from "preact/hooks";
import { Badge } from "../kit/badge.tsx";
import { Section } from "../kit/section.tsx";
import { Empty } from "../kit/state.tsx";
import { ACTIONS, Table } from "../kit/table.tsx";
import { Link, usePage } from "../shell/page.tsx";
import { PollState } from "../shell/poll-state.tsx";
import { usePolled } from "../shell/use-polled.ts";
import { RowAction } from "../user/user-actions.tsx";
import { DeliverySection } from "./delivery-section.tsx";
import { type Endpoint, parseEndpoints, WEBHOOKS_PATH } from "./webhook-api.ts";
import { STEPS, type WebhookAction, WebhookDialog, type WebhookStep } from "./webhook-dialog.tsx";

export function WebhooksScreen() {
  const { address } = usePage();
  const [action, setAction] = useState<WebhookAction | null>(null);
  const polled = usePolled(WEBHOOKS_PATH, parseEndpoints);
  const { value } = polled;
  const shown = value?.webhooks.find(({ id }) => id === address.params["id"]);
  const button = (step: WebhookStep, of?: Endpoint) => (
    <RowAction
      key={step}
      verb={STEPS[step].verb}
      of={of?.url ?? ""}
      onClick={() => setAction(of ? { step, of } : { step })}
    />
  );
  return (
    <>
      <h1>Webhooks</h1>
      <Section title="Endpoints" actions={button("add")}>
        <PollState polled={polled} />
        {value?.webhooks.length === 0 && (
          <Empty
            title="No endpoints"
            hint="Add one, and the events that the policy reports are sent to it."
          />
        )}
        {value && value.webhooks.length > 0 && (
          <Table
            label="Endpoints"
            heads={[["URL", "name"], "Events", "State", ["Waiting", "num"], ["Dead", "num"], ACTIONS]}
          >
            {value.webhooks.map((of) => (
              <tr key={of.id}>
                <th scope="row" class="name">
                  <Link to={{ screen: "webhooks", params: { id: of.id } }}>{of.url}</Link>{" "}
                  <span class="caption">{of.description}</span>
                </th>
                <td>{of.events?.join(", ") ?? "all"}</td>
                <td>
                  <State of={of} />
                </td>
                <td class="num">{of.waiting}</td>
                <td class="num">{of.dead}</td>
                <td class="row-actions">
                  {(
                    ["test", "rotate", of.disabledReason === null ? "disable" : "enable", "delete"] as const
                  ).map((step) => button(step, of))}
                  {of.dead > 0 && button("replayDead", of)}
                </td>
              </tr>
            ))}
          </Table>
        )}
      </Section>
      {shown && (
        <DeliverySection
          of={shown}
          onReplay={(delivery) => setAction({ step: "replay", of: shown, delivery })}
        />
      )}
      {action && <WebhookDialog {...action} onDone={polled.refresh} onClose={() => setAction(null)} />}
    </>
  );
}

function State({ of: { disabledReason, lastAttempt } }: { readonly of: Endpoint }) {
  const fails = (lastAttempt?.error ?? null) !== null;
  return (
    <Badge tone={disabledReason !== null || fails ? "error" : lastAttempt ? "allowed" : "neutral"}>
      {disabledReason ?? (fails ? "fails" : lastAttempt ? "works" : "new")}
    </Badge>
  );
}

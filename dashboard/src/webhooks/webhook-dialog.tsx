/** The dialogs that make and change webhook endpoints, test them and replay deliveries. A secret is shown once, and stored nowhere. */
import { SecretOnce } from "../kit/secret-once.tsx";
import { ActionDialog } from "../shell/action-dialog.tsx";
import { call, type Method } from "../shell/api-client.ts";
import { fieldOf } from "../shell/field-of.ts";
import { withQuery } from "../shell/query.ts";
import {
  type Delivery,
  type Endpoint,
  parseDelivery,
  parseEndpoint,
  parseTest,
  WEBHOOKS_PATH,
} from "./webhook-api.ts";

export type WebhookStep =
  | "add"
  | "test"
  | "rotate"
  | "enable"
  | "disable"
  | "delete"
  | "replay"
  | "replayDead";

/** What is changed, and how. */
export interface WebhookAction {
  readonly step: WebhookStep;
  readonly of?: Endpoint;
  readonly delivery?: Delivery;
}

interface Step {
  readonly verb: string;
  readonly effect: string;
  readonly method?: Method;
  /** Below the endpoint's path. */
  readonly path?: string;
  readonly parse?: (body: unknown) => unknown;
}

export const STEPS: Readonly<Record<WebhookStep, Step>> = {
  add: {
    verb: "Add",
    effect: "It gets events that happen from now on. Its secret, with which it verifies them, is shown once.",
  },
  test: {
    verb: "Test",
    effect: "Sends a test event at once, and shows what came of it.",
    path: "/test",
    parse: parseTest,
  },
  rotate: {
    verb: "Rotate",
    effect: "Makes a new secret, which is shown once. The old one signs too for a day.",
    path: "/rotate",
  },
  enable: { verb: "Enable", effect: "Sends what waits, and what happens from now on.", method: "PATCH" },
  disable: { verb: "Disable", effect: "Sends nothing. Events wait for 30 days.", method: "PATCH" },
  delete: {
    verb: "Delete",
    effect: "Deletes the endpoint, and what waits for it.",
    method: "DELETE",
    parse: String,
  },
  replay: {
    verb: "Replay",
    effect: "Sends the event again at once, with the same id.",
    parse: parseDelivery,
  },
  replayDead: {
    verb: "Replay dead",
    effect: "Sends up to 500 again.",
    path: "/replay-dead",
    parse: String,
  },
};

interface Props extends WebhookAction {
  readonly onDone: () => void;
  readonly onClose: () => void;
}

export function WebhookDialog({ step, of, delivery, onDone, onClose }: Props) {
  const { verb, effect, method = "POST", path = "", parse = parseEndpoint } = STEPS[step];
  const replayed = delivery ? `/deliveries/${delivery.event}/replay` : path;
  return (
    <ActionDialog
      title={`${verb} ${of ? (delivery?.event ?? of.url) : "an endpoint"}`}
      verb={verb}
      isDangerous={step === "delete"}
      effect={effect}
      run={async (fields, reason) => {
        const kinds = fieldOf(fields, "events").match(/[^\s,]+/g);
        const added = of
          ? {}
          : { url: fields.get("url"), description: fieldOf(fields, "description"), events: kinds };
        const switched = method === "PATCH" ? { enabled: step === "enable" } : {};
        const address = `${WEBHOOKS_PATH}${of ? `/${of.id}` : ""}${replayed}`;
        const isDelete = method === "DELETE";
        const body = isDelete || step === "test" ? {} : { body: { ...added, ...switched, reason } };
        const outcome = await call(method, isDelete ? withQuery(address, { reason }) : address, parse, body);
        onDone();
        return outcome;
      }}
      done={(value) => <Done step={step} value={value} />}
      onClose={onClose}
    >
      {!of && (
        <>
          <label>
            URL
            <input name="url" type="url" required autocomplete="off" placeholder="https://" />
          </label>
          <label>
            Description
            <input name="description" maxLength={200} autocomplete="off" placeholder="who gets the events" />
          </label>
          <label>
            Events
            <input name="events" autocomplete="off" placeholder="all that the policy reports" />
          </label>
        </>
      )}
    </ActionDialog>
  );
}

function Done({ step, value }: { readonly step: WebhookStep; readonly value: unknown }) {
  const made = parseEndpoint(value);
  if (made?.secret !== undefined) {
    return (
      <>
        {made.warning && <p>{made.warning}</p>}
        <SecretOnce secret={made.secret} />
      </>
    );
  }
  const tested = step === "test" ? parseTest(value) : null;
  return <p>{tested ? (tested.error ?? `Delivered: ${tested.status}`) : "Done."}</p>;
}

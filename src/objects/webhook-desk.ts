/**
 * The RPC interface of the WebhookDesk, the one object that delivers events (durable-objects/webhook-desk.ts), and the data it exchanges.
 * Times are Unix milliseconds.
 */
import type { AuditEntry } from "./account.ts";
import type { CallDiffers, Change } from "./change.ts";
import type {
  Attempt,
  Delivery,
  DeliveryState,
  EndpointChange,
  EndpointView,
  NewEndpoint,
} from "./webhook-endpoint.ts";

/** What an administrator asks the desk. */
export type DeskRequest =
  | { readonly ask: "endpoints" }
  | { readonly ask: "endpoint"; readonly id: string }
  | { readonly ask: "add"; readonly input: NewEndpoint; readonly by: Change }
  | { readonly ask: "change"; readonly id: string; readonly change: EndpointChange; readonly by: Change }
  /** Deletes an endpoint with its deliveries. */
  | { readonly ask: "delete"; readonly id: string; readonly by: Change }
  /** Gives an endpoint a new secret. The old one signs too for another day. */
  | { readonly ask: "rotate"; readonly id: string; readonly secret: string; readonly by: Change }
  /** Sends an event `webhook.test` now, once. */
  | { readonly ask: "test"; readonly id: string }
  /** Deliveries with a smaller number than `before`, newest first. `state` null: any. */
  | ({ readonly ask: "deliveries"; readonly id: string; readonly state: DeliveryState | null } & Page)
  /** Sends a stored event again, as if it had just come in. */
  | { readonly ask: "replay"; readonly id: string; readonly event: string; readonly by: Change }
  /** Sends the oldest dead deliveries again, `MAX_REPLAYED` at most, in order for each account. */
  | { readonly ask: "replay-dead"; readonly id: string; readonly by: Change }
  /** Changes of endpoints, newest first, also of deleted ones. */
  | ({ readonly ask: "audit" } & Page);

interface Page {
  readonly before: number;
  /** At most so many. */
  readonly count: number;
}

export type DeskAnswer =
  | { readonly kind: "endpoints"; readonly endpoints: readonly EndpointView[] }
  /** `isNew`: this call has made the endpoint, or its secret. */
  | { readonly kind: "endpoint"; readonly endpoint: EndpointView; readonly isNew: boolean }
  | { readonly kind: "deleted" }
  | { readonly kind: "tested"; readonly event: string; readonly attempt: Attempt; readonly tookMs: number }
  | { readonly kind: "deliveries"; readonly deliveries: readonly Delivery[] }
  | { readonly kind: "replayed"; readonly delivery: Delivery }
  /** `replayed`: by this call, also if it was made before. `dead`: how many there are now. */
  | { readonly kind: "replayed-dead"; readonly replayed: number; readonly dead: number }
  | { readonly kind: "audit"; readonly entries: readonly AuditEntry[] }
  | { readonly kind: "no-endpoint" }
  | { readonly kind: "no-event" }
  | { readonly kind: "too-many" }
  | { readonly kind: "disabled" }
  | CallDiffers;

/** Each method rejects if the object's storage fails. */
export interface WebhookDeskRpc extends Rpc.DurableObjectBranded {
  /** Takes an event, once for each id. @param body what is sent, as JSON. */
  put(id: string, body: string): Promise<void>;
  /** One method for all that administrators ask, so that isolates that never ask do not carry a list of them. */
  ask(request: DeskRequest): Promise<DeskAnswer>;
}

export type WebhookDeskStub = DurableObjectStub<WebhookDeskRpc>;
export type WebhookDeskNamespace = DurableObjectNamespace<WebhookDeskRpc>;

/** The one desk's object name. */
const DESK_NAME = "webhooks";

/** A fresh stub of the desk. */
export function webhookDeskOf(namespace: WebhookDeskNamespace): WebhookDeskStub {
  return namespace.getByName(DESK_NAME);
}

/** The admin API's answers about webhooks, as far as the page shows them. Pure; every answer passes a guard. */
import type { Tone } from "../kit/tone.ts";
import type { WebhookDelivery, WebhookEndpoint } from "../shell/answers.ts";
import {
  type Guards,
  isListOf,
  isMissingOr,
  isNullOr,
  isNumber,
  isOneOf,
  isShape,
  isText,
  parseAs,
} from "../shell/guards.ts";

export const WEBHOOKS_PATH = "/api/v1/admin/webhooks";

export const STATE_TONES: Readonly<Record<WebhookDelivery["state"], Tone>> = {
  waiting: "warning",
  delivered: "allowed",
  dead: "error",
};

export type Attempt = NonNullable<WebhookEndpoint["lastAttempt"]>;
const ATTEMPT: Guards<Attempt> = { at: isText, status: isNullOr(isNumber), error: isNullOr(isText) };
const isAttempt = isNullOr(isShape<Attempt>(ATTEMPT));

export type Endpoint = Pick<
  WebhookEndpoint,
  "id" | "url" | "description" | "waiting" | "dead" | "lastAttempt"
> & {
  /** Null: it is enabled. */
  readonly disabledReason: string | null;
  readonly events: readonly string[] | null;
  /** Only when it is made. */
  readonly secret?: string | undefined;
  /** Only when it is made: why it gets nothing, or not all of its kinds. */
  readonly warning?: string | null | undefined;
};
const ENDPOINT: Guards<Endpoint> = {
  id: isText,
  url: isText,
  description: isText,
  events: isNullOr(isListOf(isText)),
  disabledReason: isNullOr(isText),
  waiting: isNumber,
  dead: isNumber,
  lastAttempt: isAttempt,
  secret: isMissingOr(isText),
  warning: isMissingOr(isNullOr(isText)),
};
const isEndpoint = isShape<Endpoint>(ENDPOINT);
export const parseEndpoint = parseAs(isEndpoint);
export const parseEndpoints = parseAs(
  isShape<{ readonly webhooks: readonly Endpoint[] }>({ webhooks: isListOf(isEndpoint) }),
);

/** What came of a test. */
export const parseTest = parseAs(isShape<Attempt>(ATTEMPT));

export type Delivery = Omit<WebhookDelivery, "receivedAt" | "nextAttemptAt" | "body">;
const isDelivery = isShape<Delivery>({
  event: isText,
  type: isText,
  account: isNullOr(isText),
  state: isOneOf(STATE_TONES),
  attempts: isNumber,
  lastAttempt: isAttempt,
});
export const parseDelivery = parseAs(isDelivery);
export const parseDeliveries = parseAs(
  isShape<{ readonly deliveries: readonly Delivery[]; readonly cursor: string | null }>({
    deliveries: isListOf(isDelivery),
    cursor: isNullOr(isText),
  }),
);

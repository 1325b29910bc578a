/** The lane of events in the outboxes of objects: what it has goes to the WebhookDesk. */
export const EVENT_LANE = "events";

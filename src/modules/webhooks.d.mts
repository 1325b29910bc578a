/** The built delivery of webhooks (scripts/build-modules.ts). */
export { webhookModule } from "../../durable-objects/webhook-desk/module.ts";

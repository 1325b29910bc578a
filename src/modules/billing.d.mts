/** The built billing of users' objects (scripts/build-modules.ts). */
export { billingModule } from "../../durable-objects/user-limiter/billing/module.ts";

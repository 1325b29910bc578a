/** The built queueing of events (scripts/build-modules.ts). */
export { eventModule } from "../../durable-objects/events/module.ts";

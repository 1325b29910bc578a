/**
 * Loads the billing of objects before the tests. Here, modules come over a connection of one object, so the runtime fails an object that
 * waits for what another one is loading. In the product they are in the same isolate.
 */
import { loadBilling } from "../../src/billing-module.ts";

await loadBilling();

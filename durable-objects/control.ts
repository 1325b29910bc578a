/**
 * What objects do for the control plane alone: the list of accounts, imports, erasures, the customers' portal, reports of usage and its export.
 * src/modules/control.mjs is built from this file, and an isolate loads it on first use (src/control-module.ts). Keeps no state but what it
 * is given.
 */
export { DirectoryBook } from "./account-directory/directory-book.ts";
export { jurisdictionState } from "../src/objects/jurisdiction-state.ts";
export { importAccount } from "./user-limiter/account-import.ts";
export { frozenUsage } from "./user-limiter/frozen-usage.ts";
export { continueErasure, eraseAccount } from "./user-limiter/erasure/erasure.ts";
export {
  addPortalLink,
  closePortal,
  endPortalSessions,
  openPortal,
  portalSession,
} from "./user-limiter/portal/portal-sessions.ts";
export { usageRows } from "./user-limiter/usage-report.ts";

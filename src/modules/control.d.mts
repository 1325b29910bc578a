/** The built control plane of objects (scripts/build-modules.ts). */
export {
  addPortalLink,
  closePortal,
  continueErasure,
  DirectoryBook,
  endPortalSessions,
  eraseAccount,
  frozenUsage,
  importAccount,
  jurisdictionState,
  openPortal,
  portalSession,
  usageRows,
} from "../../durable-objects/control.ts";

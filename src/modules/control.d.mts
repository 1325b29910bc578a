/** The built control plane of objects (scripts/build-modules.ts). */
export {
  continueErasure,
  DirectoryBook,
  eraseAccount,
  frozenUsage,
  importAccount,
  jurisdictionState,
  usageRows,
} from "../../durable-objects/control.ts";

/** The built control plane of objects (scripts/build-modules.ts). */
export { DirectoryBook, frozenUsage, importAccount, usageRows } from "../../durable-objects/control.ts";

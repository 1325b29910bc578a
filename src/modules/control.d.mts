/** The built control plane of objects (scripts/build-modules.ts). */
export { DirectoryBook, importAccount, usageRows } from "../../durable-objects/control.ts";

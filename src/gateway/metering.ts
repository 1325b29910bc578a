/** What routes with `usage` alone need. A module of its own, which isolates load with their first request (src/usage-module.ts). */
export { readReserve } from "./reserve-from-body.ts";
export { readUsage } from "./usage-reader.ts";

/** The built reading of usage (scripts/build-modules.ts). */
export { readReserve, readUsage } from "../gateway/metering.ts";

/** The built transformation of requests and responses (scripts/build-modules.ts). */
export { transformed } from "../gateway/transform/transform.ts";

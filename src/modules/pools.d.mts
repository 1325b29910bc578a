/** The built pools of upstreams (scripts/build-modules.ts). */
export { sendToPool } from "../gateway/pools/module.ts";

/** What routes with a pool alone need. A module of its own, which isolates load with their first request (src/pool-module.ts). */
export { sendToPool } from "./send-to-pool.ts";

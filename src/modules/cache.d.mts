/** The built edge response cache (scripts/build-modules.ts). */
export { serveCached } from "../gateway/cache/serve-cached.ts";

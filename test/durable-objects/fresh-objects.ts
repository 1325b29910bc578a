/**
 * Files that share a workerd share its objects, too. Objects that an earlier file woke are instances of its modules, which are loaded
 * again for this one, so the runtime would fail the first call of each. So each file starts with all objects evicted; storage stays.
 */
import { abortAllDurableObjects } from "cloudflare:test";
import { beforeAll } from "vitest";

beforeAll(async () => {
  await abortAllDurableObjects();
});

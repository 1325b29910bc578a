/**
 * Files that share a workerd share its objects, too. Those that the file before has woken are made of its modules, which are loaded anew
 * for this one: the runtime would fail the first call of each. So each file begins with none awake; storage stays.
 */
import { abortAllDurableObjects } from "cloudflare:test";
import { beforeAll } from "vitest";

beforeAll(async () => {
  await abortAllDurableObjects();
});

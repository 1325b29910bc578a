/** What a browser has to fetch of the dashboard. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { builtDashboard } from "../../scripts/build-dashboard.ts";

const DIST = join(import.meta.dirname, "..", "..", "dist");
/** Of all its files, lazy ones too: a second on a slow phone. */
const MOST_BYTES = 60 * 1_024;

test("the whole dashboard is at most 60 KB gzip, and names no other host", async () => {
  const built = await builtDashboard(DIST);
  const names = built?.files ?? [];
  expect(names).toContain("index.html");
  const files = await Promise.all(
    names.map(async (name) => readFile(join(DIST, "assets", "dashboard", name))),
  );
  const bytes = files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
  expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
  const hosts = files.flatMap((file) => file.toString("utf8").match(/\bhttps?:\/\/[\w.-]+/g) ?? []);
  // Names of XML's vocabularies, which nobody fetches.
  expect(hosts.filter((host) => host !== "http://www.w3.org")).toEqual([]);
});

/** The size of the dashboard, and what it loads. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { builtDashboard } from "../../scripts/build-dashboard.ts";

const DIST = join(import.meta.dirname, "..", "..", "dist");
/** All files together: a second on a slow phone. */
const MAX_BYTES = 60 * 1_024;

test("is at most 60 KB gzip in total, and loads nothing from other hosts", async () => {
  const built = await builtDashboard(DIST);
  const names = built?.files ?? [];
  expect(names).toContain("index.html");
  const files = await Promise.all(
    names.map(async (name) => readFile(join(DIST, "assets", "dashboard", name))),
  );
  const bytes = files.reduce((sum, file) => sum + gzipSync(file, { level: 9 }).length, 0);
  expect(bytes).toBeLessThanOrEqual(MAX_BYTES);
  const hosts = files.flatMap((file) => file.toString("utf8").match(/\bhttps?:\/\/[\w.-]+/g) ?? []);
  // XML namespaces are names, which browsers never load.
  expect(hosts.filter((host) => host !== "http://www.w3.org")).toEqual([]);
});

/** The size of the dashboard, and what it loads. */
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { builtDashboard } from "../../scripts/build-dashboard.ts";
import { type BuiltFile, builtFiles, loadedFiles } from "./bundle.ts";

const DIST = join(import.meta.dirname, "..", "..", "dist");
/** With the overview: half a second on a slow phone. */
const MAX_FIRST_BYTES = 45 * 1_024;
/** All screens. */
const MAX_BYTES = 75 * 1_024;
/** The chunk of the policy editor (policy/code-editor.ts), which is as large as all else. Only the policy screen loads it. */
const EDITOR = "code-editor";

let files: readonly BuiltFile[];

beforeAll(async () => {
  const built = await builtDashboard(DIST);
  files = await builtFiles(join(DIST, "assets", "dashboard"), built?.files ?? []);
});

function bytesOf(loaded: readonly BuiltFile[]): number {
  return loaded.reduce((sum, { bytes }) => sum + bytes, 0);
}

test("the first screen is at most 45 KB gzip, and loads no other screen", () => {
  const first = loadedFiles(files, ({ name }) => name === "overview-screen");
  const names = first.map(({ name }) => name);
  expect(names).toContain("overview-screen");
  expect(names.filter((name) => name.endsWith("-screen") && name !== "overview-screen")).toEqual([]);
  expect(bytesOf(first)).toBeLessThanOrEqual(MAX_FIRST_BYTES);
});

test("all screens are at most 75 KB gzip in total without the policy editor, and no file is left over", () => {
  expect(bytesOf(loadedFiles(files, ({ name }) => name !== EDITOR))).toBeLessThanOrEqual(MAX_BYTES);
  const all = loadedFiles(files, () => true);
  expect(files.filter((file) => !all.includes(file)).map(({ path }) => path)).toEqual([]);
});

test("loads nothing from other hosts", () => {
  const hosts = files.flatMap(({ text }) => text.match(/\bhttps?:\/\/[\w.-]+/g) ?? []);
  // XML namespaces are names, which browsers never load.
  expect(hosts.filter((host) => host !== "http://www.w3.org")).toEqual([]);
});

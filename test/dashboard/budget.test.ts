/** The size of the dashboard, and what it loads. */
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { builtPage } from "../../scripts/build-page.ts";
import { type BuiltFile, builtFiles, loadedFiles } from "./bundle.ts";

const DIST = join(import.meta.dirname, "..", "..", "dist");
/** The page with the overview: half a second on a slow phone. */
const MAX_FIRST_BYTES = 45 * 1_024;
/** All screens but those of billing. */
const MAX_BYTES = 75 * 1_024;
/** The screens of billing and of webhooks, which are loaded only when one of them is opened. */
const BILLING = "billing-screens";
const MAX_BILLING_BYTES = 6 * 1_024;
/** The files of the screens that are loaded when one of them is opened. */
const SCREENS: readonly string[] = ["other-screens", BILLING];
/** The policy editor, what is used only beside it, and its packages (dashboard/vite.config.ts), which are larger than all else. */
const EDITOR: readonly string[] = ["policy-editor", "codemirror"];
const MAX_EDITOR_BYTES = 150 * 1_024;

let files: readonly BuiltFile[];

beforeAll(async () => {
  const built = await builtPage("dashboard", DIST);
  files = await builtFiles(join(DIST, "assets", "dashboard"), built?.files ?? []);
});

function bytesOf(loaded: readonly BuiltFile[]): number {
  return loaded.reduce((sum, { bytes }) => sum + bytes, 0);
}

test("the first screen is at most 45 KB gzip, and other screens are not loaded with it", () => {
  const first = loadedFiles(files, () => false);
  expect(bytesOf(first)).toBeLessThanOrEqual(MAX_FIRST_BYTES);
  const later = loadedFiles(files, ({ name }) => SCREENS.includes(name)).filter(
    (file) => !first.includes(file),
  );
  expect(later.map(({ name }) => name)).toEqual(SCREENS);
});

test("all screens are at most 75 KB gzip in total without billing and the policy editor, and no file is left over", () => {
  const all = loadedFiles(files, () => true);
  const most = all.filter(({ name }) => !EDITOR.includes(name) && name !== BILLING);
  expect(bytesOf(most)).toBeLessThanOrEqual(MAX_BYTES);
  expect(files.filter((file) => !all.includes(file)).map(({ path }) => path)).toEqual([]);
});

test("the screens of billing and webhooks are at most 6 KB gzip, and load no other screens", () => {
  const first = loadedFiles(files, () => false);
  const opened = loadedFiles(files, ({ name }) => name === BILLING);
  const own = opened.filter((file) => !first.includes(file));
  expect(own.map(({ name }) => name)).toEqual([BILLING]);
  expect(bytesOf(own)).toBeLessThanOrEqual(MAX_BILLING_BYTES);
});

test("the policy editor is at most 150 KB gzip, and only the policy screen loads it", () => {
  const editor = files.filter(({ name }) => EDITOR.includes(name));
  expect(editor).toHaveLength(EDITOR.length);
  expect(bytesOf(editor)).toBeLessThanOrEqual(MAX_EDITOR_BYTES);
  const others = loadedFiles(files, ({ name }) => name !== "policy-editor");
  expect(others.filter(({ name }) => EDITOR.includes(name))).toEqual([]);
});

test("loads nothing from other hosts", () => {
  const hosts = files.flatMap(({ text }) => text.match(/\bhttps?:\/\/[\w.-]+/g) ?? []);
  // XML namespaces are names, which browsers never load.
  expect(hosts.filter((host) => host !== "http://www.w3.org")).toEqual([]);
});

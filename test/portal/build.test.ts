/** The built portal: its size, what it loads, and its icons. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { ICONS } from "../../portal/icons.ts";
import { builtPage } from "../../scripts/build-page.ts";
import { type BuiltFile, builtFiles, loadedFiles } from "../dashboard/bundle.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const DIST = join(ROOT, "dist");
/** Of all files: the page opens in a second on a slow phone. */
const MAX_BYTES = 25 * 1_024;

let files: readonly BuiltFile[];

beforeAll(async () => {
  const built = await builtPage("portal", DIST);
  files = await builtFiles(join(DIST, "assets", "portal"), built?.files ?? []);
});

test("the whole portal is at most 25 KB gzip, and no file is left over", () => {
  const loaded = loadedFiles(files, () => true);
  expect(loaded.length).toBeGreaterThan(2);
  expect(loaded.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(MAX_BYTES);
  expect(files.filter((file) => !loaded.includes(file)).map(({ path }) => path)).toEqual([]);
});

test("loads nothing from other hosts, and has no inline script or style, which the CSP would block", () => {
  const hosts = files.flatMap(({ text }) => text.match(/\bhttps?:\/\/[\w.-]+/g) ?? []);
  // XML namespaces are names, which browsers never load.
  expect(hosts.filter((host) => host !== "http://www.w3.org")).toEqual([]);
  const page = files.find(({ path }) => path === "index.html")?.text ?? "";
  expect(page).toContain("<script");
  expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=/);
});

test("is the portal's, not the dashboard's: it calls its own API, at its own paths", () => {
  const code = files.map(({ text }) => text).join("\n");
  expect(code).toContain("/api/v1/portal/");
  expect(code).not.toMatch(/\/api\/v1\/admin|\/dashboard\//);
});

test("every icon that the portal's own code shows is built, and every one that is built is shown somewhere", () => {
  const shownIn = (directory: string): string[] =>
    readdirSync(join(ROOT, directory), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".tsx"))
      .flatMap((name) => iconsIn(readFileSync(join(ROOT, directory, name), "utf8")));
  const own = shownIn("portal/src");
  expect(own.length).toBeGreaterThan(2);
  expect(own.filter((name) => !ICONS.includes(name))).toEqual([]);
  const all = new Set([...own, ...shownIn("dashboard/src/kit")]);
  expect(ICONS.filter((name) => !all.has(name))).toEqual([]);
});

/** The names of the icons that a source shows. */
function iconsIn(source: string): string[] {
  const tags = source.match(/<Icon name=(?:"[^"]+"|\{[^}]+\})/g) ?? [];
  return tags.flatMap((tag) => tag.match(/(?<=")[a-z][a-z-]+(?=")/g) ?? []);
}

/** docs/analytics.md lists the columns as point-fields.ts defines them. */
import { readFile } from "node:fs/promises";
import { expect, it } from "vitest";
import { POINT_FIELDS, VERSION_COLUMN } from "../../src/analytics/point-fields.ts";

it("docs/analytics.md lists every column in order", async () => {
  const text = await readFile(new URL("../../docs/analytics.md", import.meta.url), "utf8");
  const rows = text.split("\n").filter((line) => /^\| `(index|timestamp|blob|double)/.test(line));
  expect(rows).toEqual([
    `| \`${VERSION_COLUMN.column}\` |  | ${VERSION_COLUMN.comment} |`,
    ...Object.entries(POINT_FIELDS).map(
      ([field, { column, comment }]) => `| \`${column}\` | \`${field}\` | ${comment} |`,
    ),
  ]);
});

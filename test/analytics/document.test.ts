/** docs/analytics.md lists the columns as point-fields.ts defines them. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { FIELD_NAMES, fieldOf } from "../../src/analytics/point.ts";
import {
  FIELD_COMMENTS,
  UNIT_COLUMNS,
  UNIT_COLUMNS_COMMENT,
  VERSION_COLUMN,
  VERSION_COMMENT,
} from "../../src/analytics/point-fields.ts";

it("docs/analytics.md lists every column in order", async () => {
  const text = await readFile(join(import.meta.dirname, "../../docs/analytics.md"), "utf8");
  const rows = text.split("\n").filter((line) => /^\| `(index|timestamp|blob|double)/.test(line));
  expect(rows).toEqual([
    `| \`${VERSION_COLUMN}\` |  | ${VERSION_COMMENT} |`,
    ...FIELD_NAMES.map(
      (field) => `| \`${fieldOf(field).column}\` | \`${field}\` | ${FIELD_COMMENTS[field]} |`,
    ),
    `| \`${UNIT_COLUMNS[0]}\` to \`${UNIT_COLUMNS.at(-1)}\` |  | ${UNIT_COLUMNS_COMMENT} |`,
  ]);
});

/**
 * `npm run export:usage` from a started product to real servers: killed half way and run twice, the destination has the ledgers' rows and
 * sums, neither more nor less.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Checkout, LONG_DEADLINE, makeCheckout } from "../blackbox/checkout.ts";
import type { Product } from "../blackbox/product.ts";
import { runExport } from "./export-process.ts";
import { stage } from "./stage.ts";
import { exportsToClickHouse } from "./to-clickhouse.ts";
import { exportsEvents } from "./to-events.ts";
import { exportsToFiles } from "./to-files.ts";
import { exportsToInflux } from "./to-influx.ts";
import { exportsToPostgres } from "./to-postgres.ts";
import { startUsedProduct } from "./used-product.ts";

let checkout: Checkout;
let directory: string;
let product: Product | null = null;

beforeAll(async () => {
  [checkout, directory] = await Promise.all([
    makeCheckout({ devVars: LONG_DEADLINE }),
    mkdtemp(join(tmpdir(), "edge-limiter-export-")),
  ]);
  const used = await startUsedProduct(checkout);
  ({ product } = used);
  stage.set(used, directory);
}, 240_000);
afterAll(async () => {
  await product?.run.kill();
  await Promise.all([checkout?.remove(), rm(directory, { recursive: true, force: true })]);
});

exportsToPostgres();
exportsToInflux();
exportsToClickHouse();
exportsEvents();
exportsToFiles();

describe("the command line", () => {
  it("explains itself, and rejects what it cannot do with code 2", async () => {
    expect(await runExport(["--help"])).toMatchObject({
      code: 0,
      out: expect.stringContaining("Exit codes"),
    });
    const wrong: [string[], string][] = [
      [[], "--to must be one of"],
      [["--to", "postgres"], "--url is missing"],
      [["--to", "postgres", "--url", "http://a-secret@host/"], "--url must be postgres://"],
      [["--to", "postgres", "--url", "postgres://host/db", "--schema", "x; DROP"], "--schema must be"],
      [
        ["--to", "file", "--url", "x", "--from", "2026-11-01T09:30:00Z"],
        "--from must be a date or a full hour",
      ],
      [
        ["--to", "file", "--url", "x", "--from", "2026-11-02", "--to-hour", "2026-11-01"],
        "--from must be before",
      ],
      [["--to", "file", "--url", "x", "--product", "http://limiter.example"], "--product must be https"],
      [["--to", "file", "--url", "x", "--page", "0"], "--page must be 1 to 10000"],
      [["--to", "file", "--url", "x", "--until", "now"], "Unknown option '--until'"],
    ];
    for (const [args, message] of wrong) {
      const { code, notes } = await runExport(args);
      expect([args, code, notes.split("\n")[0]]).toEqual([args, 2, expect.stringContaining(message)]);
      expect(notes.split("npm run")[0]).not.toContain("a-secret");
    }
    const tokenless = await runExport(
      ["--to", "file", "--url", join(stage.directory, "x"), "--product", "https://limiter.invalid"],
      {
        ADMIN_TOKEN: "",
      },
    );
    expect(tokenless).toMatchObject({
      code: 1,
      notes: expect.stringContaining("set ADMIN_TOKEN to the token of"),
    });
  });
});

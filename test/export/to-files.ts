/** The export to files. */
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { cutShort, runExport, startExport } from "./export-process.ts";
import { stage } from "./stage.ts";
import { ledgerOf, type Row } from "./trial.ts";
import { sorted } from "./used-product.ts";

export function exportsToFiles(): void {
  describe("to files", () => {
    it.each([
      ["plain", []],
      ["compressed", ["--gzip"]],
    ] as const)(
      "%s: whole files alone have a final name, and all together have each cell once",
      async (name, options) => {
        const target = join(stage.directory, name);
        const whole = async (suffix: RegExp): Promise<Row[]> => {
          const names = (await readdir(target).catch(() => [])).filter((file) => suffix.test(file));
          const texts = await Promise.all(names.map((file) => readFile(join(target, file))));
          const lines = texts
            .map((bytes) => (options.length > 0 ? gunzipSync(bytes) : bytes).toString())
            .flatMap((text) => text.split("\n").filter((line) => line !== ""));
          return lines.flatMap((line) => rowsOfLine(line));
        };
        const args = [
          "--to",
          "file",
          "--url",
          target,
          ...options,
          "--product",
          stage.product.url.origin,
          "--page",
          "2",
        ];
        const [one, other] = [startExport(args), startExport(args)];
        // The one with the lock continues; the other one says so.
        const codes = (await Promise.all([one.ended, other.ended])).map(({ code, notes }) => [
          code,
          notes.includes("another export uses"),
        ]);
        expect(codes).toContainEqual([0, false]);
        expect(codes.every(([code, isLocked]) => code === 0 || isLocked)).toBe(true);
        await rm(target, { recursive: true });
        const progress = async () =>
          (await readFile(join(target, "progress.json"), "utf8").catch(() => "")).includes("cursor");
        const killed = await cutShort(startExport(args), "SIGKILL", progress);
        expect(killed.code).toBe("SIGKILL");
        expect(await whole(/ndjson(\.gz)?$/)).toEqual([]);
        const finished = await runExport(args);
        expect(finished, finished.notes).toMatchObject({ code: 0 });
        expect(sorted(ledgerOf(await whole(/ndjson(\.gz)?$/)))).toEqual(sorted(stage.ledger));
        expect((await readdir(target)).filter((file) => file.endsWith(".part"))).toEqual([]);
        expect(await runExport(args)).toMatchObject({ code: 0, out: expect.stringMatching(/^0 cells/) });
        expect(sorted(ledgerOf(await whole(/ndjson(\.gz)?$/)))).toEqual(sorted(stage.ledger));
      },
    );
  });
}

const lineSchema = z.object({
  account: z.string(),
  hour: z.string(),
  route: z.string(),
  key: z.string(),
  requests: z.int(),
  cost: z.number(),
  denied: z.int(),
  units: z.optional(z.record(z.string(), z.number())),
});

function rowsOfLine(line: string): Row[] {
  const { cost, units = {}, requests, denied, ...cell } = lineSchema.parse(JSON.parse(line));
  const milli = (amount: number): number => Math.round(amount * 1_000);
  const own = { ...cell, unit: "requests", requests, denied, costMilli: milli(cost) };
  const others = Object.entries(units).map(([unit, amount]) =>
    Object.assign({}, cell, { unit, requests: 0, denied: 0, costMilli: milli(amount) }),
  );
  return [own, ...others];
}

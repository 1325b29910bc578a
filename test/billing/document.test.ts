/** docs/billing.md: every worked example is what the product computes, and its first section says what is in the product. */
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { compilePrice } from "../../src/billing/compile-price.ts";
import { formatMinor, roundToMinor } from "../../src/billing/money.ts";
import { costFemto } from "../../src/billing/price.ts";
import { milliOf } from "./arbitraries.ts";
import { newPolicyFaults } from "./new-policy.ts";
import { charged, computed, examplesOf, tableUnder } from "./worked-examples.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const text = await readFile(join(ROOT, "docs/billing.md"), "utf8");

describe("docs/billing.md", () => {
  const examples = examplesOf(text);

  it.each(examples)("computes its example %# as written", (example) => {
    expect(computed(example)).toBe(example.result);
  });

  it("has an example of each kind, and no block that is not read", () => {
    expect(examples.length).toBeGreaterThanOrEqual(12);
    expect(examples).toHaveLength([...text.matchAll(/^```json\b/gm)].length);
    expect(examples).toHaveLength([...text.matchAll(/^```text/gm)].length);
    expect(new Set(examples.map(({ kind }) => kind))).toEqual(new Set(["periods", "bill", "credit-notes"]));
  });

  it("reports a drifted example", () => {
    const [first] = examples;
    expect(
      computed({ ...first!, input: first!.input.replace('"anchorDay": 31', '"anchorDay": 30') }),
    ).not.toBe(first!.result);
  });

  const roundings = tableUnder(text, "### Examples of rounding");
  it.each(roundings)("rounds %s %s to %s", (exact, currency, result) => {
    expect(charged(exact!, currency!)).toBe(result);
  });

  const prices = tableUnder(text, "### Examples of prices");
  it.each(prices)("prices %s at %s for %s", (price, usage, result) => {
    const compiled = compilePrice(JSON.parse(price!.replaceAll("`", "")));
    if (compiled.kind === "faults") throw new Error(JSON.stringify(compiled.faults));
    const femto = costFemto(compiled.price, milliOf(Number(usage)));
    expect(formatMinor(roundToMinor(femto, 2), 2)).toBe(result);
  });

  it("has examples of rounding and of prices", () => {
    expect(roundings.length).toBeGreaterThanOrEqual(8);
    expect(prices.length).toBeGreaterThanOrEqual(12);
  });
});

describe("what docs/billing.md says is not in the product", () => {
  it("is right that accounts and decisions do not use it yet", async () => {
    const callers: string[] = [];
    for await (const file of glob("{src,durable-objects,dashboard/src,scripts}/**/*.{ts,tsx}", {
      cwd: ROOT,
    })) {
      const isOwn = file.startsWith("src/billing/") || file.startsWith("src/policy/");
      const source = await readFile(join(ROOT, file), "utf8");
      if (!isOwn && /from "[./]+(src\/)?billing\//.test(source)) callers.push(file);
    }
    expect(callers.length === 0).toBe(text.includes("Accounts and decisions do not use it yet"));
  });

  it("shows fields that a policy may have", () => {
    const [, fields] = /```jsonc\n([^`]+)```/.exec(text) ?? [];
    const { billing, tiers } = JSON.parse(`{${fields}}`);
    const free = { limits: [] };
    const document = {
      schema: 1,
      billing,
      tiers: { free, ...tiers },
      routes: [{ match: "/batch" }],
      anonymousTier: "free",
      defaultTier: "free",
    };
    const paths = newPolicyFaults(document).map(({ path }) => path);
    expect(paths).toEqual(["/tiers/pro/limits/0/overage/spendCap"]);
  });
});

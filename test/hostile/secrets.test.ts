/** Secrets are compared in constant time, in one place: by their digests or by the platform's own verification. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

const SOURCE = join(import.meta.dirname, "../../src");

const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => ({ file, text: readFileSync(join(SOURCE, file), "utf8") }));

/** Comparisons of something named like a secret with `===`, `startsWith`, `includes` and the like, which stop at the first difference. */
const NAMED = String.raw`(?:\w+\.)*#?\w*(?:[sS]ecret|[tT]oken|[dD]igest|[sS]ignature|[pP]assword|[hH]ash|sha256|apiKey|hmac)\w*`;
const COMPARED = new RegExp(
  String.raw`(?<!typeof )\b${NAMED} (?:===|!==) (?!null\b|undefined\b|"(?:bearer|jwt)?")|(?:===|!==) ${NAMED}\b(?!\()|\b${NAMED}\.(?:startsWith|localeCompare|includes|indexOf)\(`,
);

function code(text: string): string[] {
  return text.split("\n").filter((line) => !/^\s*(?:\*|\/\/|\/\*)/.test(line));
}

/** Matches that compare no secret: an algorithm's name, the `#` of a URL, the public prefix of keys, how the JSON of a token begins. */
const KNOWN = [
  "settings.ts: if (HMAC_ALGORITHMS.some((hmac) => hmac === algorithm)) {",
  'edge/url-parts.ts: if (start === -1 || (hash !== -1 && hash < start)) return "";',
  "edge/url-parts.ts: return url.slice(start, hash === -1 ? undefined : hash);",
  'identity/api-key.ts: return token.startsWith("el_");',
  'identity/authenticate.ts: return token.startsWith("ey") || token.startsWith("ew");',
];

describe("a secret", () => {
  it("is compared by equalDigests, or verified by the platform, and nowhere else", () => {
    const found = files.flatMap(({ file, text }) =>
      code(text)
        .filter((line) => COMPARED.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
    expect(found.toSorted()).toEqual(KNOWN.toSorted());
  });

  it("is compared in constant time by a single function", () => {
    const callers = files.filter(({ text }) => code(text).some((line) => line.includes("timingSafeEqual(")));
    expect(callers.map(({ file }) => file)).toEqual(["identity/equal-digests.ts"]);
    const users = files.filter(({ text }) => code(text).some((line) => /\bequalDigests\(/.test(line)));
    expect(users.map(({ file }) => file).toSorted()).toEqual([
      "identity/admin/admin-tokens.ts",
      "identity/equal-digests.ts",
      "stripe/webhook-signature.ts",
    ]);
  });

  it.each([
    "if (token === expected) return",
    "if (given !== settings.adminToken) {",
    "return a === keyHash;",
  ])("would be detected in: %s", (line) => {
    expect(line).toMatch(COMPARED);
  });
});

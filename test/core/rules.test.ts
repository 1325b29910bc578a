/** The rules of a policy, matched by indices (src/policy/rule-set.ts), against models that look at every entry of every rule. */
import * as fc from "fast-check";
import ipaddr from "ipaddr.js";
import { describe, expect, it } from "vitest";
import { parseAddress } from "../../src/identity/address.ts";
import { AddressRanges, parseNetwork } from "../../src/policy/address-ranges.ts";
import { compileDocument, type Policy } from "../../src/policy/compile.ts";
import { emptyBits } from "../../src/policy/path-patterns.ts";
import { ruleFaults, ruleWarnings } from "../../src/policy/rule-faults.ts";
import type { RuleDocument } from "../../src/policy/rule-schema.ts";
import { RuleIndex } from "../../src/policy/rule-index.ts";
import type { RuleRequest } from "../../src/policy/rule.ts";
import type { PolicyDocument } from "../../src/policy/schema.ts";
import { TextSearch } from "../../src/policy/text-search.ts";

/** `RULE_RUNS=100000 npm run test:core -- rules` is the long run. */
const RUNS = { numRuns: Number(process.env["RULE_RUNS"] ?? 60) };

const documentWith = (rules: RuleDocument[]): PolicyDocument => ({
  schema: 1,
  tiers: { anonymous: { limits: [] }, crawler: { limits: [] } },
  anonymousTier: "anonymous",
  defaultTier: "anonymous",
  routes: [{ match: "/identify" }, { match: "/batch", methods: ["POST"] }, { match: "/*" }],
  rules,
});

function indexOf(rules: RuleDocument[]): RuleIndex {
  return new RuleIndex(rules, policyWith(rules).routes.all);
}

function policyWith(rules: RuleDocument[]): Policy {
  const compiled = compileDocument(documentWith(rules), 1);
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.faults));
  return compiled.value;
}

function requestOf(headers: Record<string, string>, cf?: unknown): RuleRequest {
  return { headers: new Headers(headers), cf };
}

/** Few bits vary, so that networks overlap, touch and nest. */
const ipv4 = fc
  .tuple(
    fc.constantFrom(0, 10, 255),
    fc.constantFrom(0, 1, 255),
    fc.constantFrom(0, 127, 128, 255),
    fc.nat(255),
  )
  .map((bytes) => bytes.join("."));
const ipv6 = fc
  .array(fc.constantFrom("0", "1", "db8", "8000", "ffff"), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.join(":"));
const mapped = ipv4.map((address) => `::ffff:${address}`);
const address = fc.oneof(ipv4, ipv6, mapped);

/** A network with its host bits cleared, as documents have it. */
const network = fc
  .oneof(fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })), fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })))
  .map(([base, bits]) => parseNetwork(`${base}/${bits}`)?.text ?? "");

/** Bit by bit. */
function isIn(text: string, of: string): boolean {
  const parsed = ipaddr.process(text);
  const [base, bits] = ipaddr.parseCIDR(of);
  if (parsed.kind() !== base.kind()) return false;
  const [own, first] = [parsed.toByteArray(), base.toByteArray()];
  for (let bit = 0; bit < bits; bit++) {
    const [at, shift] = [bit >> 3, 7 - (bit & 7)];
    if ((((own[at] ?? 0) ^ (first[at] ?? 0)) >> shift) & 1) return false;
  }
  return true;
}

function indicesIn(set: Uint32Array, size: number): number[] {
  return Array.from({ length: size }, (_, i) => i).filter((i) => ((set[i >>> 5] ?? 0) >>> (i & 31)) & 1);
}

describe("networks", () => {
  it("contain exactly the addresses that share their prefix, however many overlap", () => {
    fc.assert(
      fc.property(
        fc.array(network, { maxLength: 40 }),
        fc.array(address, { maxLength: 20 }),
        (all, addresses) => {
          const networks = all.map((text, i) => {
            const parsed = parseNetwork(text);
            if (!parsed) throw new Error(text);
            return [parsed, i] as const;
          });
          const ranges = new AddressRanges(networks, all.length);
          // The edges of each network too, where a mistake by one would show.
          const edges = all.map((text) => text.split("/")[0] ?? "");
          for (const text of [...addresses, ...edges]) {
            const words = parseAddress(text);
            if (!words) throw new Error(text);
            const expected = all.flatMap((of, i) => (isIn(text, of) ? i : []));
            expect(indicesIn(ranges.find(words), all.length), text).toEqual(expected);
          }
        },
      ),
      RUNS,
    );
  });

  it.each([
    ["0.0.0.0/0", "255.255.255.255", true],
    ["203.0.113.0/24", "203.0.113.255", true],
    ["203.0.113.0/24", "203.0.114.0", false],
    ["203.0.113.7", "203.0.113.7", true],
    ["203.0.113.7", "::ffff:203.0.113.7", true],
    ["203.0.113.7", "::ffff:cb00:7107", true],
    ["::/0", "203.0.113.7", false],
    ["0.0.0.0/0", "::1", false],
    ["::/0", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true],
    ["2001:db8::/32", "2001:DB8:0::1", true],
    ["2001:db8::1", "2001:db8::2", false],
  ])("%s has %s: %s", (text, one, isContained) => {
    const parsed = parseNetwork(text);
    const words = parseAddress(one);
    if (!parsed || !words) throw new Error("not parsed");
    expect(indicesIn(new AddressRanges([[parsed, 0]], 1).find(words), 1)).toEqual(isContained ? [0] : []);
  });

  it("read every address as a library does, in each of its spellings, and nothing else", () => {
    const group = fc.constantFrom("0", "00", "1", "db8", "0db8", "FFFF", "", "g", "12345", "10.0.0.1", ":");
    const spelled = fc.array(group, { maxLength: 10 }).map((groups) => groups.join(":"));
    const bytesOf = (words: readonly number[]) =>
      words.flatMap((word) => [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255]);
    fc.assert(
      fc.property(fc.oneof(spelled, ipv6, fc.ipV6(), mapped, fc.ipV4()), (text) => {
        // The library takes it for IPv4-mapped; it is not (RFC 4291, section 2.5.5.1).
        fc.pre(!/^::\d+\./.test(text));
        const isOne = ipaddr.IPv4.isValidFourPartDecimal(text) || ipaddr.IPv6.isValid(text);
        const words = parseAddress(text);
        expect(words && bytesOf(words), text).toEqual(isOne ? ipaddr.process(text).toByteArray() : null);
      }),
      { numRuns: 20 * RUNS.numRuns },
    );
  });

  it.each([
    "",
    "unknown",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.04",
    "01.2.3.4",
    "1.2.3.",
    "1..2.3",
    "::g",
  ])("never contain what is no address: %j", (text) => expect(parseAddress(text)).toBeNull());
});

it("a search finds exactly the texts that occur, in any case", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "b", "A", "-", " "), minLength: 1, maxLength: 6 });
  const searched = fc.string({
    unit: fc.constantFrom("a", "b", "B", "-", " ", "é", "\u212a"),
    maxLength: 40,
  });
  fc.assert(
    fc.property(fc.array(text, { minLength: 1, maxLength: 40 }), searched, (texts, found) => {
      const into = emptyBits(texts.length);
      new TextSearch(
        texts.map((one, i) => [one, i] as const),
        texts.length,
      ).find(found, into);
      const lower = found.toLowerCase();
      const expected = texts.flatMap((one, i) => (lower.includes(one.toLowerCase()) ? i : []));
      expect(indicesIn(into, texts.length)).toEqual(expected);
    }),
    RUNS,
  );
});

interface Facts {
  readonly ip: string | null;
  readonly userAgent: string | null;
  readonly route: string;
  readonly asn: number | null;
  readonly country: string | null;
  readonly key: string | null;
  readonly user: string | null;
}

const maybe = <T>(of: fc.Arbitrary<T>) => fc.option(of, { nil: null });
const some = <T>(of: fc.Arbitrary<T>) =>
  fc.option(fc.uniqueArray(of, { minLength: 1, maxLength: 2 }), { nil: undefined });
const asn = fc.constantFrom(64_500, 64_501);
const country = fc.constantFrom("DE", "XX");
const key = fc.constantFrom("k1", "k2");
const user = fc.constantFrom("ann", "bob");
const routes = ["/identify", "POST /batch", "/*"];

const facts: fc.Arbitrary<Facts> = fc.record({
  ip: maybe(address),
  userAgent: maybe(fc.constantFrom("curl/8", "SQLMap/1.0", "good bot", "Mozilla badbot")),
  route: fc.constantFrom(...routes),
  asn: maybe(asn),
  country: maybe(country),
  key: maybe(key),
  user: maybe(user),
});

const rule = fc
  .record({
    ip: some(network),
    userAgent: some(fc.constantFrom("sqlmap", "BOT", "curl")),
    route: fc.option(fc.constantFrom("/identify", "/batch", "POST /batch", ["/identify", "/*"]), {
      nil: undefined,
    }),
    asn: some(asn),
    country: some(country),
    key: some(key),
    user: some(user),
    then: fc.constantFrom("allow" as const, "deny" as const, { tier: "crawler" }),
    shadow: fc.boolean(),
  })
  .map(({ then, shadow, ...members }) => ({ if: members, then, shadow }));

function matches({ if: members }: Pick<RuleDocument, "if">, of: Facts): boolean {
  const { ip, userAgent, route, asn: asns, country: countries, key: keys, user: users } = members;
  const named = typeof route === "string" ? [route] : route;
  const names = new Set([of.route, of.route.replace("POST ", "")]);
  const has = <T>(list: readonly T[] | undefined, value: T | null): boolean =>
    list === undefined || (value !== null && list.includes(value));
  return (
    (ip === undefined || (of.ip !== null && ip.some((text) => isIn(of.ip ?? "", text)))) &&
    (userAgent === undefined ||
      userAgent.some((text) => of.userAgent?.toLowerCase().includes(text.toLowerCase()))) &&
    (named === undefined || named.some((name) => names.has(name))) &&
    has(asns, of.asn) &&
    has(countries, of.country) &&
    has(keys, of.key) &&
    has(users, of.user)
  );
}

/** Both phases, as the gateway asks. */
function matchOf(rules: RuleIndex, of: Facts) {
  const headers = {
    ...(of.ip === null ? {} : { "CF-Connecting-IP": of.ip }),
    ...(of.userAgent === null ? {} : { "User-Agent": of.userAgent }),
    "X-Forwarded-For": "10.0.0.1",
  };
  const cf = {
    ...(of.asn === null ? {} : { asn: of.asn }),
    ...(of.country === null ? {} : { country: of.country }),
  };
  const before = rules.match(requestOf(headers, cf), of.route);
  return before.pending === null ? before : rules.matchCaller(before.pending, of.key, of.user);
}

describe("of the rules", () => {
  it("the first that matches applies, whatever it asks; one in shadow is only noted", () => {
    fc.assert(
      fc.property(fc.array(rule, { minLength: 1, maxLength: 40 }), facts, (all, of) => {
        const documents = all
          .filter((one) => Object.values(one.if).some((member) => member !== undefined))
          .map((one, i): RuleDocument => Object.assign(one, { name: `rule-${i}` }));
        if (documents.length === 0) return;
        const found = documents.filter((one) => matches(one, of));
        const applied = found.findIndex(({ shadow }) => !shadow);
        const noted = found.findIndex(({ shadow }) => shadow);
        const match = matchOf(indexOf(documents), of);
        expect(match.pending).toBeNull();
        expect(match.rule?.name).toBe(found[applied]?.name);
        const isNoted = noted !== -1 && (applied === -1 || noted < applied);
        expect(match.shadow?.name).toBe(isNoted ? found[noted]?.name : undefined);
      }),
      RUNS,
    );
  });

  it("none waits for the caller if one before it applies, and none is asked about a caller who cannot matter", () => {
    const rules = indexOf([
      { name: "office", if: { ip: ["203.0.113.0/24"] }, then: "allow" },
      { name: "ann", if: { user: ["ann"], route: "/identify" }, then: "deny" },
    ]);
    const office = requestOf({ "CF-Connecting-IP": "203.0.113.9" });
    const other = requestOf({ "CF-Connecting-IP": "198.51.100.1" });
    expect(rules.match(office, "/identify")).toMatchObject({ rule: { name: "office" }, pending: null });
    expect(rules.match(other, "/identify").pending).not.toBeNull();
    expect(rules.match(other, "/*")).toEqual({ rule: null, shadow: null, pending: null });
  });
});

describe("a document's rules", () => {
  const faultsOf = (rules: RuleDocument[]) => ruleFaults(documentWith(rules), policyWith(rules));

  it.each<[fault: string, rules: RuleDocument[], path: string, message: RegExp]>([
    [
      "no network",
      [{ name: "a", if: { ip: ["203.0.113.0/33"] }, then: "deny" }],
      "/rules/0/if/ip/0",
      /^must be an/,
    ],
    [
      "no address",
      [{ name: "a", if: { ip: ["::1", "office"] }, then: "deny" }],
      "/rules/0/if/ip/1",
      /^must be an/,
    ],
    [
      "host bits",
      [{ name: "a", if: { ip: ["203.0.113.5/24"] }, then: "deny" }],
      "/rules/0/if/ip/0",
      /write 203.0.113.0\/24$/,
    ],
    [
      "host bits of IPv6",
      [{ name: "a", if: { ip: ["2001:db8::1/32"] }, then: "deny" }],
      "/rules/0/if/ip/0",
      /write 2001:db8::\/32$/,
    ],
    [
      "IPv4 as IPv6",
      [{ name: "a", if: { ip: ["::ffff:10.0.0.0/104"] }, then: "deny" }],
      "/rules/0/if/ip/0",
      /write it as IPv4/,
    ],
    [
      "an unknown tier",
      [{ name: "a", if: { asn: [1] }, then: { tier: "x" } }],
      "/rules/0/then/tier",
      /unknown tier "x"/,
    ],
    [
      "an unknown route",
      [{ name: "a", if: { route: "/x" }, then: "deny" }],
      "/rules/0/if/route",
      /unknown route "\/x"/,
    ],
    [
      "an unknown route of several",
      [{ name: "a", if: { route: ["/*", "/x"] }, then: "deny" }],
      "/rules/0/if/route/1",
      /unknown route/,
    ],
    ["no member", [{ name: "a", if: {}, then: "deny" }], "/rules/0/if", /must have a member/],
    [
      "too many networks in all",
      ["a", "b"].map((name) => ({
        name,
        if: { ip: Array.from({ length: 2_501 }, (_, i) => `10.${i >> 8}.${i & 255}.0/24`) },
        then: "deny",
      })),
      "/rules",
      /at most 5000 addresses/,
    ],
    [
      "too much text in all",
      [{ name: "a", if: { userAgent: Array.from({ length: 129 }, () => "x".repeat(64)) }, then: "deny" }],
      "/rules",
      /at most 8192 characters/,
    ],
    [
      "a name twice",
      [
        { name: "a", if: { asn: [1] }, then: "deny" },
        { name: "a", if: { asn: [2] }, then: "deny" },
      ],
      "/rules/1/name",
      /already a rule named "a"/,
    ],
  ])("are rejected with the path: %s", (_fault, rules, path, message) => {
    expect(faultsOf(rules)).toEqual([{ path, message: expect.stringMatching(message) }]);
  });

  it("are warned of if an earlier one matches all of their requests", () => {
    const reached = (first: RuleDocument["if"], second: RuleDocument["if"], shadow = false) =>
      ruleWarnings(
        policyWith([
          { name: "first", if: first, then: "deny", shadow },
          { name: "second", if: second, then: "allow" },
        ]),
      ).map(({ path }) => path);
    const unreached = ["/rules/1"];
    expect(reached({ ip: ["10.0.0.0/8"] }, { ip: ["10.1.0.0/16"], asn: [1] })).toEqual(unreached);
    expect(reached({ userAgent: ["bot"] }, { userAgent: ["BadBot"] })).toEqual(unreached);
    expect(reached({ route: "/*" }, { route: ["/*"], country: ["XX"] })).toEqual(unreached);
    expect(reached({ ip: ["10.0.0.0/8"] }, { ip: ["10.1.0.0/16"] }, true)).toEqual([]);
    expect(reached({ ip: ["10.0.0.0/8"] }, { ip: ["10.1.0.0/16", "11.0.0.0/8"] })).toEqual([]);
    expect(reached({ asn: [1] }, { ip: ["10.0.0.0/8"] })).toEqual([]);
    expect(reached({ userAgent: ["badbot"] }, { userAgent: ["bot"] })).toEqual([]);
  });
});

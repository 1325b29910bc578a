/**
 * What is wrong with the rules of a new document, each with its path and what to do. Stored documents are not checked by it: they compile
 * forever, so a check may become stricter here.
 *
 * Pure: no I/O and no clock.
 */
import { contains, type Network, parseNetwork } from "./address-ranges.ts";
import type { Policy } from "./compile.ts";
import { type Fault, knownNames, MAX_FAULTS, pointer } from "./fault.ts";
import { MAX_ADDRESSES, type RuleDocument } from "./rule-schema.ts";
import { routeNames } from "./rule.ts";
import type { PolicyDocument } from "./schema.ts";

/** Characters of `userAgent` of all rules together: each is a row of at most 140 bytes in the table that searches them. */
const MAX_AGENT_LENGTH = 8_192;

/** The faults of the rules of a document that compiles to this policy. */
export function ruleFaults({ rules = [] }: PolicyDocument, policy: Policy): Fault[] {
  const faults: Fault[] = totalFaults(rules);
  const names = new Set<string>();
  const routes = new Set(policy.routes.all.flatMap(({ id, match }) => [id, match]));
  rules.forEach(({ name, if: members, then }, i) => {
    const add = (path: readonly PropertyKey[], message: string): void => {
      if (faults.length < MAX_FAULTS) faults.push({ path: pointer(["rules", i, ...path]), message });
    };
    if (names.has(name)) add(["name"], `there is already a rule named "${name}"`);
    names.add(name);
    if (Object.values(members).every((member) => member === undefined)) {
      add(["if"], 'must have a member: for all callers, write {"ip": ["0.0.0.0/0", "::/0"]}');
    }
    members.ip?.forEach((text, at) => {
      const message = networkFault(text);
      if (message !== null) add(["if", "ip", at], message);
    });
    routeNames(members)?.forEach((route, at) => {
      if (routes.has(route)) return;
      const path = typeof members.route === "string" ? ["if", "route"] : ["if", "route", at];
      add(path, `unknown route "${route}": write the "match" of one of the policy's routes`);
    });
    if (typeof then !== "string" && !policy.tiers.has(then.tier)) {
      add(["then", "tier"], `unknown tier "${then.tier}" ${knownNames(policy.tiers.keys())}`);
    }
  });
  return faults;
}

/** What is too much of all rules together. */
function totalFaults(rules: readonly RuleDocument[]): Fault[] {
  const path = "/rules";
  let [addresses, characters] = [0, 0];
  for (const {
    if: { ip = [], userAgent = [] },
  } of rules) {
    addresses += ip.length;
    for (const { length } of userAgent) characters += length;
  }
  return [
    ...(addresses > MAX_ADDRESSES
      ? [{ path, message: `must have at most ${MAX_ADDRESSES} addresses and networks in all` }]
      : []),
    ...(characters > MAX_AGENT_LENGTH
      ? [{ path, message: `must have at most ${MAX_AGENT_LENGTH} characters of userAgent in all` }]
      : []),
  ];
}

/** Rules that never apply, since an earlier one matches all of their requests. A warning: an author may be moving rules. */
export function ruleWarnings({ rules }: Policy): Fault[] {
  const parsed = (rules?.documents ?? []).map(parsedRule);
  return parsed.flatMap((rule, i): Fault[] => {
    const earlier = parsed.slice(0, i).find((other) => !other.isShadow && covers(other, rule));
    if (!earlier) return [];
    const message = `is never reached: the rule "${earlier.name}" before it matches all of its requests. Move it before that rule, or delete it`;
    return [{ path: pointer(["rules", i]), message }];
  });
}

function networkFault(text: string): string | null {
  const network = parseNetwork(text);
  if (!network) return "must be an address or a network, such as 203.0.113.0/24 or 2001:db8::/32";
  if (network.isMapped) return "is an IPv4 address or network in IPv6 notation: write it as IPv4";
  if (network.hasHostBits) return `has bits behind its prefix: write ${network.text}`;
  return null;
}

/** A rule prepared once for all comparisons. */
interface ParsedRule {
  readonly name: string;
  readonly isShadow: boolean;
  readonly networks: readonly Network[] | undefined;
  readonly agents: readonly string[] | undefined;
  /** The members that match whole values. */
  readonly values: readonly (ReadonlySet<string | number> | undefined)[];
}

function parsedRule({ name, if: members, shadow = false }: RuleDocument): ParsedRule {
  const { ip, userAgent, asn, country, key, user } = members;
  return {
    name,
    isShadow: shadow,
    networks: ip?.flatMap((text) => parseNetwork(text) ?? []),
    agents: userAgent?.map((text) => text.toLowerCase()),
    values: [routeNames(members), asn, country, key, user].map(
      (listed) => listed && new Set<string | number>(listed),
    ),
  };
}

/** Whether one rule matches all that another does. */
function covers(wide: ParsedRule, narrow: ParsedRule): boolean {
  return (
    wide.values.every((values, i) => !values || isWithin(narrow.values[i], values)) &&
    coversAll(wide.agents, narrow.agents, (part, text) => text.includes(part)) &&
    coversAll(wide.networks, narrow.networks, contains)
  );
}

/** Whether each entry of a list is covered by one of another. A rule without the member matches any value. */
function coversAll<V>(
  wide: readonly V[] | undefined,
  narrow: readonly V[] | undefined,
  isCoveredBy: (wide: V, narrow: V) => boolean,
): boolean {
  if (wide === undefined) return true;
  return narrow !== undefined && narrow.every((entry) => wide.some((one) => isCoveredBy(one, entry)));
}

/** Whether a member has no other values than these. */
function isWithin(narrow: ParsedRule["values"][number], wide: ReadonlySet<string | number>): boolean {
  if (narrow === undefined) return false;
  for (const value of narrow) if (!wide.has(value)) return false;
  return true;
}

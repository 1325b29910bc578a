/**
 * What is wrong with the rules of a new document, each with its path and what to do. Stored documents are not checked by it: they compile
 * forever, so a check may become stricter here.
 *
 * Pure: no I/O and no clock.
 */
import { contains, type Network, parseNetwork } from "./address-ranges.ts";
import type { Policy } from "./compile.ts";
import { type Fault, MAX_FAULTS, pointer } from "./fault.ts";
import type { RuleDocument } from "./rule-schema.ts";
import { isNamed } from "./rule.ts";
import type { PolicyDocument } from "./schema.ts";

type Members = RuleDocument["if"];

/** The faults of the rules of a document that compiles to this policy. */
export function ruleFaults({ rules = [] }: PolicyDocument, policy: Policy): Fault[] {
  const faults: Fault[] = [];
  const names = new Set<string>();
  rules.forEach(({ name, if: members, then }, i) => {
    const add = (path: readonly PropertyKey[], message: string): void => {
      if (faults.length < MAX_FAULTS) faults.push({ path: pointer(["rules", i, ...path]), message });
    };
    if (names.has(name)) add(["name"], `there is already a rule named "${name}"`);
    names.add(name);
    members.ip?.forEach((text, at) => {
      const message = networkFault(text);
      if (message !== null) add(["if", "ip", at], message);
    });
    listOf(members.route)?.forEach((route, at) => {
      if (policy.routes.all.some((known) => isNamed(route, known))) return;
      const path = typeof members.route === "string" ? ["if", "route"] : ["if", "route", at];
      add(path, `unknown route "${route}": write the "match" of one of the policy's routes`);
    });
    if (typeof then !== "string" && !policy.tiers.has(then.tier)) {
      const known = [...policy.tiers.keys()].join(", ");
      add(["then", "tier"], `unknown tier "${then.tier}" (known: ${known})`);
    }
  });
  return faults;
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

/** A rule whose networks are parsed once, for all comparisons. */
interface ParsedRule {
  readonly name: string;
  readonly isShadow: boolean;
  readonly members: Members;
  readonly networks: readonly Network[] | undefined;
}

function parsedRule({ name, if: members, shadow = false }: RuleDocument): ParsedRule {
  const networks = members.ip?.flatMap((text) => parseNetwork(text) ?? []);
  return { name, isShadow: shadow, members, networks };
}

/** Whether one rule matches all that another does. */
function covers(wide: ParsedRule, narrow: ParsedRule): boolean {
  const isIn = <V>(all: readonly V[], value: V): boolean => all.includes(value);
  const [of, other] = [wide.members, narrow.members];
  return (
    coversAll(listOf(of.route), listOf(other.route), isIn) &&
    coversAll(of.asn, other.asn, isIn) &&
    coversAll(of.country, other.country, isIn) &&
    coversAll(of.key, other.key, isIn) &&
    coversAll(of.user, other.user, isIn) &&
    coversAll(of.userAgent, other.userAgent, isPartOf) &&
    coversAll(wide.networks, narrow.networks, (all, network) => all.some((one) => contains(one, network)))
  );
}

/** Whether a member lets match whatever another does. A rule without it matches any value. */
function coversAll<V>(
  wide: readonly V[] | undefined,
  narrow: readonly V[] | undefined,
  covered: (wide: readonly V[], value: V) => boolean,
): boolean {
  if (wide === undefined) return true;
  return narrow !== undefined && narrow.every((value) => covered(wide, value));
}

/** A header that contains a text contains its parts. */
function isPartOf(parts: readonly string[], text: string): boolean {
  return parts.some((part) => text.toLowerCase().includes(part.toLowerCase()));
}

function listOf(route: Members["route"]): readonly string[] | undefined {
  return typeof route === "string" ? [route] : route;
}

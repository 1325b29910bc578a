/**
 * Matches requests against a policy's rules; the first that matches wins.
 *
 * Each member has an index that gives the set of rules that it lets match, as bits; a rule without the member is in every one of these
 * sets. A request's rules are the intersection, so the cost hardly depends on how many there are.
 *
 * A fact that is not known never matches. Pure: no I/O and no clock. A module of its own, which isolates without rules never load.
 */
import { parseAddress } from "../identity/address.ts";
import { AddressRanges, parseNetwork } from "./address-ranges.ts";
import type { Route } from "./compiled.ts";
import { type Bits, emptyBits, include } from "./path-patterns.ts";
import { routeNames, type Rule, type RuleMatch, type RuleRequest, toRule } from "./rule.ts";
import type { RuleDocument } from "./rule-schema.ts";
import { TextSearch } from "./text-search.ts";

const NO_MATCH: RuleMatch = { rule: null, shadow: null, pending: null };
const ADDRESS_HEADER = "CF-Connecting-IP";

/** The sets of rules that each value of a member lets match. */
interface Member<V> {
  /** Of every other value, and if there is none. */
  readonly without: Bits;
  readonly byValue: ReadonlyMap<V, Bits>;
}

export class RuleIndex {
  readonly #rules: readonly Rule[];
  readonly #shadows: Bits;
  /** The rules with the member. */
  readonly #addressed: Bits;
  readonly #named: Bits;
  readonly #placed: Bits;
  readonly #identified: Bits;
  readonly #addresses: AddressRanges;
  readonly #agents: TextSearch;
  readonly #routes: Member<string>;
  readonly #asns: Member<number>;
  readonly #countries: Member<string>;
  readonly #keys: Member<string>;
  readonly #users: Member<string>;
  /** The sets of the match under way, so that matching allocates nothing. */
  readonly #live: Bits;
  readonly #found: Bits;

  constructor(documents: readonly RuleDocument[], routes: readonly Route[]) {
    const size = documents.length;
    const having = (isSo: (document: RuleDocument) => unknown): Bits => {
      const set = emptyBits(size);
      documents.forEach((document, i) => {
        if (isSo(document)) include(set, i);
      });
      return set;
    };
    const member = <V>(valuesOf: (members: RuleDocument["if"]) => readonly V[] | undefined): Member<V> => {
      const values = documents.map((document) => valuesOf(document.if));
      const without = emptyBits(size);
      const byValue = new Map<V, Bits>();
      values.forEach((listed, i) => {
        if (listed === undefined) include(without, i);
      });
      values.forEach((listed, i) => {
        for (const value of listed ?? []) {
          const set = byValue.get(value) ?? without.slice();
          include(set, i);
          byValue.set(value, set);
        }
      });
      return { without, byValue };
    };
    this.#rules = documents.map(toRule);
    this.#shadows = having(({ shadow }) => shadow);
    this.#addressed = having(({ if: { ip } }) => ip);
    this.#named = having(({ if: { userAgent } }) => userAgent);
    this.#placed = having(({ if: { asn, country } }) => asn ?? country);
    this.#identified = having(({ if: { key, user } }) => key ?? user);
    this.#addresses = new AddressRanges(
      documents.flatMap(({ if: { ip = [] } }, i) =>
        ip.flatMap((text) => {
          const network = parseNetwork(text);
          return network ? [[network, i] as const] : [];
        }),
      ),
      size,
    );
    this.#agents = new TextSearch(
      documents.flatMap(({ if: { userAgent = [] } }, i) => userAgent.map((text) => [text, i] as const)),
      size,
    );
    this.#routes = member((members) => {
      const names = routeNames(members);
      if (names === undefined) return undefined;
      const named = new Set(names);
      return routes.flatMap(({ id, match }) => (named.has(id) || named.has(match) ? id : []));
    });
    this.#asns = member(({ asn }) => asn);
    this.#countries = member(({ country }) => country);
    this.#keys = member(({ key }) => key);
    this.#users = member(({ user }) => user);
    this.#live = emptyBits(size);
    this.#found = emptyBits(size);
  }

  /** The rules before the caller is known. @param request null: only its route is known. @param routeId null: it has none. */
  match(request: RuleRequest | null, routeId: string | null): RuleMatch {
    const live = this.#live;
    live.set(setOf(this.#routes, routeId));
    if (overlap(live, this.#addressed)) {
      const text = request?.headers.get(ADDRESS_HEADER) ?? null;
      const address = text === null ? null : parseAddress(text);
      keep(live, this.#addressed, address && this.#addresses.find(address));
    }
    if (overlap(live, this.#named)) {
      const agent = request?.headers.get("User-Agent") ?? null;
      this.#found.fill(0);
      if (agent !== null) this.#agents.find(agent, this.#found);
      keep(live, this.#named, this.#found);
    }
    if (overlap(live, this.#placed)) {
      const { asn, country } = placeIn(request?.cf);
      intersect(live, setOf(this.#asns, asn));
      intersect(live, setOf(this.#countries, country));
    }
    return this.#first(live, true);
  }

  /** The rules of a request whose caller is now known, from `pending` of its match. Null: without a key, without a user. */
  matchCaller(pending: Bits, keyId: string | null, user: string | null): RuleMatch {
    const live = this.#live;
    live.set(pending);
    intersect(live, setOf(this.#keys, keyId));
    intersect(live, setOf(this.#users, user));
    return this.#first(live, false);
  }

  /** The first rule of the set that applies. @param mayPend whether those that need the caller are still undecided. */
  #first(live: Bits, mayPend: boolean): RuleMatch {
    let shadow: Rule | null = null;
    for (let w = 0; w < live.length; w++) {
      for (let word = live[w] ?? 0; word !== 0; word &= word - 1) {
        const i = w * 32 + 31 - Math.clz32(word & -word);
        const rule = this.#rules[i];
        if (!rule) continue;
        if (mayPend && has(this.#identified, i)) return { rule: null, shadow: null, pending: live.slice() };
        if (!has(this.#shadows, i)) return { rule, shadow, pending: null };
        shadow ??= rule;
      }
    }
    return shadow === null ? NO_MATCH : { rule: null, shadow, pending: null };
  }
}

function setOf<V>({ without, byValue }: Member<V>, value: V | null): Bits {
  return value === null ? without : (byValue.get(value) ?? without);
}

/** `request.cf` is the platform's, and absent off Cloudflare. */
function placeIn(cf: unknown): { readonly asn: number | null; readonly country: string | null } {
  if (typeof cf !== "object" || cf === null) return { asn: null, country: null };
  return {
    asn: "asn" in cf && typeof cf.asn === "number" ? cf.asn : null,
    country: "country" in cf && typeof cf.country === "string" ? cf.country : null,
  };
}

function has(set: Bits, i: number): boolean {
  return (((set[i >>> 5] ?? 0) >>> (i & 31)) & 1) === 1;
}

function overlap(one: Bits, other: Bits): boolean {
  for (let w = 0; w < one.length; w++) if (((one[w] ?? 0) & (other[w] ?? 0)) !== 0) return true;
  return false;
}

function intersect(set: Bits, other: Bits): void {
  for (let w = 0; w < set.length; w++) set[w] = (set[w] ?? 0) & (other[w] ?? 0);
}

/** Of the rules with a member, keeps those that were found. */
function keep(set: Bits, members: Bits, found: Bits | null): void {
  for (let w = 0; w < set.length; w++) set[w] = (set[w] ?? 0) & (~(members[w] ?? 0) | (found?.[w] ?? 0));
}

/**
 * What rules add to a request: the CPU time of a match against as many rules and networks as a policy may have, in microseconds. In this
 * process, since workerd's clock stands still without I/O; the engine is the same.
 */
import { RuleIndex } from "../src/policy/rule-index.ts";
import type { RuleDocument } from "../src/policy/rule-schema.ts";
import type { RuleRequest } from "../src/policy/rule.ts";
import { type Spread, spreadOf } from "./ratios.ts";

const RULES = 100;
const NETWORKS = 5_000;
const ROUNDS = 7;
const MATCHES = 100_000;
/** As many different requests, so that no value is at hand. */
const REQUESTS = 4_096;

/**
 * Of the most expensive kind: every member of some rule is looked up, and none matches. Microseconds of each round, without what the runtime
 * takes to parse `request.cf`.
 */
export function ruleCost(): Spread {
  const index = new RuleIndex(fullRules(), []);
  const requests = Array.from({ length: REQUESTS }, (_, i) => requestOf(i));
  const round = (match: (request: RuleRequest) => unknown): number => {
    const before = process.cpuUsage();
    for (let i = 0; i < MATCHES; i++) {
      const request = requests[i % REQUESTS];
      if (request) match(request);
    }
    const { user, system } = process.cpuUsage(before);
    return (user + system) / MATCHES;
  };
  const micros: number[] = [];
  round((request) => index.match(request, null));
  for (let i = 0; i < ROUNDS; i++) {
    const loop = round(() => null);
    micros.push(round((request) => index.match(request, null)) - loop);
  }
  return spreadOf(micros);
}

/** As many rules and networks as a policy may have. A fifth of the networks are of IPv6. A quarter of the rules asks for an address, an agent, a place, and an address with an agent. */
export function fullRules(): RuleDocument[] {
  let networks = 0;
  const ip = (): string[] =>
    Array.from({ length: (2 * NETWORKS) / RULES }, () => {
      const n = networks++;
      return n % 5 === 0 ? `2001:db8:${n.toString(16)}::/48` : `10.${n >> 8}.${n & 255}.0/24`;
    });
  return Array.from({ length: RULES }, (_, rule): RuleDocument => {
    const userAgent = [`badbot-${rule}`, `scanner/${rule}.`];
    const place = { asn: [64_500 + rule], country: ["XX"] };
    const members = [
      () => ({ ip: ip() }),
      () => ({ userAgent }),
      () => place,
      () => ({ ip: ip(), userAgent }),
    ];
    return { name: `rule-${rule}`, if: members[rule % members.length]?.() ?? {}, then: "deny" };
  });
}

function requestOf(i: number): RuleRequest {
  const address = i % 4 === 0 ? `2001:db9:${i.toString(16)}::1` : `11.${i >> 8}.${i & 255}.7`;
  const agent = `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${i}.0.0.0 Safari/537.36`;
  return {
    headers: new Headers({ "CF-Connecting-IP": address, "User-Agent": agent }),
    cf: { asn: 100 + i, country: "DE" },
  };
}

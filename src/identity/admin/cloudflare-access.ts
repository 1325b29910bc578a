/**
 * Cloudflare Access in front of the Worker: it puts a signed assertion of the user into the header `Cf-Access-Jwt-Assertion`.
 *
 * The header alone proves nothing, since the Worker may be reachable on a host that Access does not protect: signature, issuer and
 * application are verified (developers.cloudflare.com/cloudflare-one/identity/authorization-cookie).
 */
import type { Log } from "../../log.ts";
import type { WaitUntil } from "../../wait-until.ts";
import { TokenIssuer } from "../token-issuer.ts";
import { type Actor, actorNameSchema, type Role } from "./role.ts";

export const ACCESS_HEADER = "Cf-Access-Jwt-Assertion";

export interface CloudflareAccessSettings {
  /** The issuer: `https://<team>.cloudflareaccess.com`, without a final slash. */
  readonly teamDomain: string;
  /** The application's audience (AUD) tag. */
  readonly audience: string;
  /** The role of everyone whom Access admits. */
  readonly role: Role;
}

export type AccessResult =
  | { readonly kind: "actor"; readonly actor: Actor }
  | { readonly kind: "invalid" }
  | { readonly kind: "unavailable" };

export class CloudflareAccess {
  readonly #issuer: TokenIssuer;
  readonly #role: Role;

  /** @param waitUntil see {@link TokenIssuer}. */
  constructor({ teamDomain, audience, role }: CloudflareAccessSettings, log: Log, waitUntil?: WaitUntil) {
    const url = new URL("/cdn-cgi/access/certs", teamDomain);
    this.#issuer = new TokenIssuer(
      { algorithm: "RS256", key: { kind: "jwks", url }, issuer: teamDomain, audience, typ: null },
      log,
      waitUntil,
    );
    this.#role = role;
  }

  /** Never rejects. `unavailable`: the team's keys could not be fetched. */
  async verify(assertion: string, nowMs: number): Promise<AccessResult> {
    const result = await this.#issuer.verify(assertion, nowMs);
    if (result.kind !== "valid") return result;
    const { email, common_name: service, sub, exp } = result.claims;
    // A service token has a common name and an empty `sub`; a person has an email and a `sub`.
    const name = [email, service, sub].find(isActorName);
    if (name === undefined || exp === undefined) return { kind: "invalid" };
    const expiresMs = exp * 1000;
    return { kind: "actor", actor: { name, role: this.#role, expiresMs, source: "access", session: null } };
  }
}

function isActorName(claim: unknown): claim is string {
  return actorNameSchema.safeParse(claim).success;
}

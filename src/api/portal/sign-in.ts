/**
 * Signs a customer in with a key or a link, and limits attempts: the limiter itself counts failed ones per address.
 *
 * A failed attempt costs one of the address's attempts. One that succeeds costs nothing, but is rejected too while none is left.
 */
import type { Context } from "hono";
import * as z from "zod/mini";
import type { AppEnv } from "../../edge/app-env.ts";
import { unauthorized, unavailable } from "../../edge/problem.ts";
import { authenticate } from "../../identity/authenticate.ts";
import { clientIp } from "../../identity/client-ip.ts";
import type { PortalAnswer, PortalProof, PortalSession } from "../../objects/portal.ts";
import { SIGN_IN_TIER } from "../../policy/built-in-tiers.ts";
import { stubOf } from "../accounts/account-object.ts";
import { builtInDenial, decideBuiltIn } from "../work-limit.ts";
import { newPortalCredential, readPortalCredential } from "./portal-credential.ts";
import { sessionCall } from "./session-call.ts";

const secretText = z.string().check(z.minLength(1), z.maxLength(1_024));
export const signInSchema = z.union(
  [z.strictObject({ key: secretText }), z.strictObject({ link: secretText })],
  'must be {"key": "el_live_…"} or {"link": "…"}',
);
type SignIn = z.infer<typeof signInSchema>;

export type SignInResult =
  | {
      readonly ok: true;
      readonly user: string;
      readonly session: PortalSession;
      /** The session's credential, for its cookie. */
      readonly text: string;
    }
  | { readonly ok: false; readonly response: Response };

/** What is presented, and whose it seems to be. */
interface Presented {
  readonly user: string;
  readonly proof: PortalProof;
}

const NO_KEY = "This is no valid API key of this service.";
const NO_LINK =
  "This link is not valid: it is not complete, has expired, or was taken back. Ask for a new one.";
const USED_LINK = "This link has been used, and works once only. Ask for a new one.";

/** A session; or 401, 429, or 503 if the key or the account cannot be checked now. */
export async function signIn(c: Context<AppEnv>, given: SignIn): Promise<SignInResult> {
  const { requestId } = c.var;
  const limited = await limitAttempts(c, true);
  if (limited) return rejected(limited);
  const presented = "key" in given ? await byKey(c, given.key) : await byLink(given.link);
  if (presented === "unavailable") return rejected(unavailable("Keys cannot be checked now.", requestId));
  let answer: PortalAnswer = { kind: "ended" };
  if (presented !== null) {
    const { user, proof } = presented;
    const { secret, text } = await newPortalCredential(user);
    const call = stubOf(c, user).openPortal(proof, secret);
    const answered = await sessionCall<PortalAnswer>(c, "sign-in", call);
    if (!answered) return rejected(unavailable("The account is not responding.", requestId));
    ({ answer } = answered);
    if (answer.kind === "session") return { ok: true, user, session: answer.session, text };
  }
  const isOver = await limitAttempts(c, false);
  if (isOver) return rejected(isOver);
  const detail = answer.kind === "used" ? USED_LINK : "key" in given ? NO_KEY : NO_LINK;
  return rejected(unauthorized(detail, requestId));
}

/** Null if it is not a valid key of an account. */
async function byKey(c: Context<AppEnv>, key: string): Promise<Presented | null | "unavailable"> {
  // A header cannot contain other characters.
  if (!/^[\x21-\x7e]+$/.test(key)) return null;
  const headers = new Headers({ "X-API-Key": key });
  const result = await authenticate(headers, c.var.services.credentials, Date.now());
  if (result.kind === "unavailable") return "unavailable";
  if (result.kind === "invalid") return null;
  const { user, keyId } = result.caller;
  return user === null || keyId === null ? null : { user, proof: { kind: "key", keyId } };
}

async function byLink(text: string): Promise<Presented | null> {
  const link = await readPortalCredential(text);
  return link && { user: link.user, proof: { kind: "link", link: link.secret } };
}

/** The response if the client's address has no attempt left; null if it has. @param peek do not take one. */
async function limitAttempts(c: Context<AppEnv>, peek: boolean): Promise<Response | null> {
  const { policy, requestId, services } = c.var;
  const address = clientIp(c.req.header("CF-Connecting-IP") ?? null);
  const charge = { costMilli: null, peek };
  const decision = await decideBuiltIn(c, `login:portal:${address}`, SIGN_IN_TIER, policy, charge);
  const { allowed } = decision;
  if (!peek) {
    const reason = allowed ? "wrong credential" : "too many attempts";
    services.log("warn", "portal_unauthenticated", { requestId, address, reason });
  }
  return allowed ? null : builtInDenial(c, decision, policy, "Too many failed sign-ins from this address.");
}

function rejected(response: Response): SignInResult {
  return { ok: false, response };
}

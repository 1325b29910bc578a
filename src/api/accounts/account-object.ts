/** Calls to the object of the account that a path names. 404 if there is no account, or if the id cannot be one. */
import type { Context } from "hono";
import type { AppEnv } from "../../edge/app-env.ts";
import { problem } from "../../edge/problem.ts";
import { userSubject } from "../../identity/authenticate.ts";
import { isUserId } from "../../identity/user-id.ts";
import type { AccountAnswer, AccountView } from "../../objects/account.ts";
import type { CallDiffers } from "../../objects/change.ts";
import type { Home } from "../../objects/home.ts";
import type { UserLimiterStub } from "../../objects/user-limiter.ts";
import type { Policy } from "../../policy/compile.ts";
import { accountOf } from "../account-of.ts";
import { ask } from "../ask.ts";
import { accountView } from "./account-view.ts";

/** Calls the account's object and renders the account. `call` may return a response instead, which is sent as it is. */
export async function forAccount(
  c: Context<AppEnv>,
  call: (stub: UserLimiterStub) => Promise<AccountAnswer | CallDiffers | Response>,
  render: (answer: AccountView) => Response = ({ account, grants }) =>
    c.json(accountView(account, grants, c.var.policy)),
): Promise<Response> {
  const id = accountOf(c);
  if (!isUserId(id)) return noAccount(c);
  return ask(c, "account", call(stubOf(c, id)), (answer) => {
    if (answer instanceof Response) return answer;
    return answer.kind === "account" ? render(answer) : noAccount(c);
  });
}

/**
 * The object of a user. Every call names a home, since even a call that finds no account creates the object, which then never moves.
 * @param id well formed.
 * @param home where to create the object; default: the deployment's.
 */
export function stubOf(c: Context<AppEnv>, id: string, home?: Home): UserLimiterStub {
  const { limiter, settings } = c.var.services;
  return limiter.stub(userSubject(id), home ?? settings.accountHome);
}

/** The revision that an object must know before it changes an account: 0 unless the policy has terms or reports events. */
export function revisionFor({ billing, events, revision }: Policy): number {
  return billing === null && events === null ? 0 : revision;
}

/** 404 for the account that the path names. */
export function noAccount(c: Context<AppEnv>): Response {
  const id = accountOf(c);
  return problem("not_found", `There is no account "${id.slice(0, 200)}".`, c.var.requestId);
}

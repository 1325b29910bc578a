/** The answers of the API's list of users, and how to search it. Pure; the palette loads it with the first screen, so it is small. */
import type { ListedUser, UserPage } from "../shell/answers.ts";
import { isFlag, isListOf, isNullOr, isNumber, isOneOf, isShape, isText, parseAs } from "../shell/guards.ts";
import { withQuery } from "../shell/query.ts";

export const USERS = "/api/v1/admin/users";
/** As the API limits it. */
export const MAX_SEARCH_LENGTH = 200;

const isListedUser = isShape<ListedUser>({
  id: isText,
  kind: isOneOf({ account: true, "no-account": true, address: true }),
  status: isOneOf({ active: true, blocked: true }),
  account: isNullOr(isShape({ name: isText, tier: isText, orphaned: isFlag })),
  usage: isNullOr(
    isShape({
      requests: isNumber,
      denied: isNumber,
      decided: isNumber,
      cost: isNumber,
      lastSeenAt: isNullOr(isText),
    }),
  ),
});
export const parseUsers = parseAs(
  isShape<UserPage>({
    users: isListOf(isListedUser),
    cursor: isNullOr(isText),
    usage: isNullOr(
      isShape({
        backend: isOneOf({ embedded: true, engine: true }),
        sampled: isFlag,
        ranked: isNumber,
        isComplete: isFlag,
      }),
    ),
  }),
);

/** The API's path for the users that match a text best. @param text not "". */
export function matchPath(text: string, limit: number): string {
  const search = text.slice(0, MAX_SEARCH_LENGTH);
  return withQuery(USERS, { search, sort: "match", limit: String(limit) });
}

/** Finds users who exist, by a part of their id or name: those with an account, and those who sent requests in the last day. */
import { matchPath, parseUsers } from "../accounts/users-api.ts";
import { call } from "./api-client.ts";

export interface FoundUser {
  readonly id: string;
  /** "" without one. */
  readonly name: string;
  /** "no account" without one. */
  readonly tier: string;
}

/** @returns at most `limit` users, the best matches first; null if they could not be searched. Never rejects. @param text not "". */
export async function searchUsers(text: string, limit: number): Promise<readonly FoundUser[] | null> {
  const answer = await call("GET", matchPath(text, limit), parseUsers);
  if (answer.kind !== "ok") return null;
  return answer.value.users.map(({ id, account }) => ({
    id,
    name: account?.name ?? "",
    tier: account?.tier ?? "no account",
  }));
}

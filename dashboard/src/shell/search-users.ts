/** Finds users who exist, by a part of their id or name. */
import { parseAccounts } from "../user/account-api.ts";
import { call } from "./api-client.ts";

export interface FoundUser {
  readonly id: string;
  /** "" without one. */
  readonly name: string;
  readonly tier: string;
}

/** @returns at most `limit` users; null if they could not be searched. Never rejects. */
export async function searchUsers(text: string, limit: number): Promise<readonly FoundUser[] | null> {
  const query = new URLSearchParams({ name: text, limit: String(limit) });
  const answer = await call("GET", `/api/v1/admin/accounts?${query}`, parseAccounts);
  return answer.kind === "ok" ? answer.value.accounts : null;
}

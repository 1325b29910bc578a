/** The accounts of the demo traffic, with their keys. Created through the admin API. */
import { join } from "node:path";
import { type DemoAccount, type DemoKeys, seedAccounts } from "../demo-accounts.ts";
import { ABUSER, USERS } from "./plan.ts";

/** Creates the accounts that are missing. @param directory keeps their keys. @returns a key for each user id of the plan. */
export async function seedTrafficAccounts(
  url: URL,
  adminToken: string,
  directory: string,
): Promise<DemoKeys> {
  const accounts = [...USERS, ABUSER].map(({ id, tier }): [string, DemoAccount] => [
    id,
    { id, tier, name: "Demo traffic", scopes: ["call"] },
  ]);
  return seedAccounts(url, adminToken, join(directory, "traffic-keys.json"), new Map(accounts));
}

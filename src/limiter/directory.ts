/** What the AccountDirectory lists: accounts as their own objects have told it. A projection; nothing decides by it. */
import * as z from "zod/mini";
import type { AccountDirectory } from "../../durable-objects/account-directory.ts";

/** One account as its object publishes it. `version` grows with each change, so that an older value never wins. */
export const directoryEntrySchema = z.object({
  id: z.string(),
  name: z.string(),
  tier: z.string(),
  status: z.enum(["active", "blocked"]),
  createdMs: z.number(),
  updatedMs: z.number(),
  version: z.int(),
});
export type DirectoryEntry = z.infer<typeof directoryEntrySchema>;

export interface DirectoryFilter {
  readonly tier: string | null;
  readonly status: "active" | "blocked" | null;
  /** Part of the id or the name, whatever its case. */
  readonly text: string | null;
}

export interface DirectoryPage {
  readonly entries: readonly DirectoryEntry[];
  /** The id to go on after, or null at the end. */
  readonly next: string | null;
}

/** One shard by default; accounts are spread by this name when it grows. */
const DIRECTORY_NAME = "directory";

/** A fresh stub of the directory. */
export function directoryOf(
  namespace: DurableObjectNamespace<AccountDirectory>,
): DurableObjectStub<AccountDirectory> {
  return namespace.getByName(DIRECTORY_NAME);
}

/** KV key that marks an account's existence: what the directory is rebuilt from. */
export const ACCOUNT_MARK_PREFIX = "account:";

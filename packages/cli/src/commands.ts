/** All commands, in the order of the help. */
import { ACCOUNT_COMMANDS } from "./account-commands.ts";
import type { Command } from "./command.ts";
import { DECISION_COMMANDS } from "./decision-commands.ts";
import { POLICY_COMMANDS } from "./policy-commands.ts";

export const COMMANDS: readonly Command[] = [...POLICY_COMMANDS, ...ACCOUNT_COMMANDS, ...DECISION_COMMANDS];

/** What a customer sees of the account in the portal: texts. The answers are those of the operator's endpoints. */
import type { OperationNotes } from "../notes.ts";
import { USAGE_NOTES } from "./usage.ts";

const getPortalStatus: OperationNotes = {
  ...USAGE_NOTES.getAccountStatus,
  tag: "Portal",
  summary: "The customer's limits and usage now",
  description: "As the operator sees them, without limits in shadow. Costs nothing.",
};

const getPortalUsage: OperationNotes = {
  ...USAGE_NOTES.getUsage,
  tag: "Portal",
  summary: "The customer's usage, from the exact ledger",
};

export const PORTAL_ACCOUNT_NOTES = { getPortalStatus, getPortalUsage };

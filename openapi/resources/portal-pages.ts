/** The portal's page: texts. */
import type { OperationNotes } from "../notes.ts";
import { PAGES_NOTES } from "./pages.ts";

const ONLY_IF =
  "Only if the policy in force has `billing.portal`: otherwise, the policy's own routes have the path.";
const page = (notes: OperationNotes, summary: string): OperationNotes => ({
  ...notes,
  tag: "Portal",
  summary,
  description: ONLY_IF,
  problems: ["not_found"],
});

export const PORTAL_PAGES_NOTES = {
  portalPage: page(PAGES_NOTES.dashboard, "The customers' portal"),
  portalHome: page(PAGES_NOTES.dashboardHome, "The customers' portal, with a trailing slash"),
  portalScreen: page(PAGES_NOTES.dashboardScreen, "The customers' portal at one of its screens"),
  portalFile: page(PAGES_NOTES.dashboardFile, "The customers' portal's files"),
};

/**
 * All screens but the overview and those of billing: one file, since several would compress worse, by 1 KB gzip. In this order, what is
 * alike is near enough to compress. Import it dynamically only.
 */
export { SimulatorScreen } from "./simulator/simulator-screen.tsx";
export { SystemScreen } from "./system/system-screen.tsx";
export { LiveScreen } from "./live/live-screen.tsx";
export { DecisionsScreen } from "./decisions/decisions-screen.tsx";
export { DecisionScreen } from "./decisions/decision-screen.tsx";
export { UserScreen } from "./user/user-screen.tsx";

/** Has a file of its own: the editor is larger than all other screens. */
export const loadPolicyScreen = async () => (await import("./policy/policy-editor.ts")).PolicyScreen;

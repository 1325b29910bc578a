/** The screens about requests and users: one file, since each apart would compress worse, by a tenth. Import it dynamically only. */
export { DecisionScreen } from "./decisions/decision-screen.tsx";
export { DecisionsScreen } from "./decisions/decisions-screen.tsx";
export { LiveScreen } from "./live/live-screen.tsx";
export { UserScreen } from "./user/user-screen.tsx";

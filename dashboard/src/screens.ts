/** All screens, in the order of the navigation. */
import type { ComponentType } from "preact";
import { DecisionsScreen } from "./decisions/decisions-screen.tsx";
import { LiveScreen } from "./live/live-screen.tsx";
import { OverviewScreen } from "./overview/overview-screen.tsx";
import { PolicyScreen } from "./policy/policy-screen.tsx";
import { SimulatorScreen } from "./simulator/simulator-screen.tsx";
import { SystemScreen } from "./system/system-screen.tsx";
import { UserScreen } from "./user/user-screen.tsx";

export interface Screen {
  /** In the URL. */
  readonly name: string;
  readonly title: string;
  readonly Component: ComponentType;
}

export const SCREENS: readonly Screen[] = [
  { name: "overview", title: "Overview", Component: OverviewScreen },
  { name: "live", title: "Live", Component: LiveScreen },
  { name: "decisions", title: "Decisions", Component: DecisionsScreen },
  { name: "user", title: "Users", Component: UserScreen },
  { name: "policy", title: "Policy", Component: PolicyScreen },
  { name: "simulator", title: "Simulator", Component: SimulatorScreen },
  { name: "system", title: "System", Component: SystemScreen },
];

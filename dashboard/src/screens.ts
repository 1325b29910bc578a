/** All screens, in the order of the navigation. Each is loaded when it is opened. */
import type { ComponentType } from "preact";
import type { IconName } from "./kit/icon.tsx";

export interface Screen {
  /** In the URL. */
  readonly name: string;
  readonly title: string;
  readonly icon: IconName;
  /** Loads the screen's code; the browser keeps it. */
  readonly load: () => Promise<ComponentType>;
  /** Not in the navigation: only links lead to it. Names the screen that it belongs to. */
  readonly under?: string;
}

export const SCREENS: readonly Screen[] = [
  {
    name: "overview",
    title: "Overview",
    icon: "chart",
    load: async () => (await import("./overview/overview-screen.tsx")).OverviewScreen,
  },
  {
    name: "live",
    title: "Live",
    icon: "live",
    load: async () => (await import("./live/live-screen.tsx")).LiveScreen,
  },
  {
    name: "decisions",
    title: "Decisions",
    icon: "list",
    load: async () => (await import("./decisions/decisions-screen.tsx")).DecisionsScreen,
  },
  {
    name: "decision",
    title: "Decision",
    icon: "list",
    load: async () => (await import("./decisions/decision-screen.tsx")).DecisionScreen,
    under: "decisions",
  },
  {
    name: "user",
    title: "Users",
    icon: "users",
    load: async () => (await import("./user/user-screen.tsx")).UserScreen,
  },
  {
    name: "policy",
    title: "Policy",
    icon: "policy",
    load: async () => (await import("./policy/policy-screen.tsx")).PolicyScreen,
  },
  {
    name: "simulator",
    title: "Simulator",
    icon: "simulator",
    load: async () => (await import("./simulator/simulator-screen.tsx")).SimulatorScreen,
  },
  {
    name: "system",
    title: "System",
    icon: "system",
    load: async () => (await import("./system/system-screen.tsx")).SystemScreen,
  },
];

/** All screens, in the order of the navigation. The overview comes with the page; the files of the others are loaded when a screen is opened. */
import type { ComponentType } from "preact";
import type { IconName } from "./kit/icon.tsx";
import { OverviewScreen } from "./overview/overview-screen.tsx";

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

const others = () => import("./other-screens.ts");
const billing = () => import("./billing-screens.ts");

export const SCREENS: readonly Screen[] = [
  {
    name: "overview",
    title: "Overview",
    icon: "chart",
    load: async () => OverviewScreen,
  },
  {
    name: "live",
    title: "Live",
    icon: "live",
    load: async () => (await others()).LiveScreen,
  },
  {
    name: "decisions",
    title: "Decisions",
    icon: "list",
    load: async () => (await others()).DecisionsScreen,
  },
  {
    name: "decision",
    title: "Decision",
    icon: "list",
    load: async () => (await others()).DecisionScreen,
    under: "decisions",
  },
  {
    name: "user",
    title: "Users",
    icon: "users",
    load: async () => (await others()).UserScreen,
  },
  {
    name: "policy",
    title: "Policy",
    icon: "policy",
    load: async () => (await others()).loadPolicyScreen(),
  },
  {
    name: "simulator",
    title: "Simulator",
    icon: "simulator",
    load: async () => (await others()).SimulatorScreen,
  },
  {
    name: "billing",
    title: "Billing",
    icon: "billing",
    load: async () => (await billing()).BillingScreen,
  },
  {
    name: "webhooks",
    title: "Webhooks",
    icon: "webhooks",
    load: async () => (await billing()).WebhooksScreen,
  },
  {
    name: "system",
    title: "System",
    icon: "system",
    load: async () => (await others()).SystemScreen,
  },
];

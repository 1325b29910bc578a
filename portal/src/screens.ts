/** The portal's screens, in the order of their navigation. */
import type { ComponentType } from "preact";
import { InvoicesScreen } from "./invoices/invoices-screen.tsx";
import { KeysScreen } from "./keys/keys-screen.tsx";
import { NowScreen } from "./now/now-screen.tsx";
import { PlanScreen } from "./plan/plan-screen.tsx";
import { UsageScreen } from "./usage/usage-screen.tsx";

export interface Screen {
  /** In the URL: "" for /portal itself. */
  readonly name: string;
  readonly title: string;
  readonly body: ComponentType;
}

export const SCREENS: readonly Screen[] = [
  { name: "", title: "Now", body: NowScreen },
  { name: "usage", title: "Usage", body: UsageScreen },
  { name: "invoices", title: "Invoices", body: InvoicesScreen },
  { name: "keys", title: "Keys", body: KeysScreen },
  { name: "plan", title: "Plan", body: PlanScreen },
];

/** The screens, in the order of the navigation. */
import type { ComponentType } from "preact";
import { LiveScreen } from "./live/live-screen.tsx";
import { OverviewScreen } from "./overview/overview-screen.tsx";

export interface Screen {
  /** In the URL. */
  readonly name: string;
  readonly title: string;
  readonly Component: ComponentType;
}

export const SCREENS: readonly Screen[] = [
  { name: "overview", title: "Overview", Component: OverviewScreen },
  { name: "live", title: "Live", Component: LiveScreen },
];

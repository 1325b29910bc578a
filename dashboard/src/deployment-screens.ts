/** The screens about the whole deployment: one file, for the reason in traffic-screens.ts. Import it dynamically only. */
export { PolicyScreen } from "./policy/policy-screen.tsx";
export { SimulatorScreen } from "./simulator/simulator-screen.tsx";
export { SystemScreen } from "./system/system-screen.tsx";

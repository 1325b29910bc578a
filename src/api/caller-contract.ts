/** The endpoints for callers, services and load balancers. Every isolate loads them. See contract.ts. */
import { DECISIONS } from "./decisions/decisions.ts";
import { HEALTH } from "./health/health.ts";
import { DASHBOARD } from "./pages/dashboard.ts";
import { DOCUMENTATION } from "./pages/documentation.ts";
import { STRIPE } from "./stripe/stripe.ts";

export const CALLER_CONTRACT = { ...HEALTH, ...DECISIONS, ...DOCUMENTATION, ...DASHBOARD, ...STRIPE };

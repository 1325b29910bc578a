/** The built portal (scripts/build-modules.ts). */
export { portalApp } from "../api/portal/portal-app.ts";

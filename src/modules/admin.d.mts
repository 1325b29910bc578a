/** The built admin API (scripts/build-modules.ts). */
export { adminApp } from "../api/admin-app.ts";
